import { parseArgs } from 'node:util';
import { openWorld } from './world.ts';

const USAGE = `usage: npm run simulator -- [--page-port N] [--control-port N] [--die-with-parent]

Prints one line of JSON when it is ready: where its page and its control API are, and the arguments that make Chromium
take the page for WhatsApp's. See simulator/README.md.
`;

function parsePort(text: string | undefined, flag: string): number {
  const port = Number(text ?? 0);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`${flag} must be a port from 0 to 65535, not "${text}"`);
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'page-port': { type: 'string' },
      'control-port': { type: 'string' },
      'die-with-parent': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const world = await openWorld({
    pagePort: parsePort(values['page-port'], '--page-port'),
    controlPort: parsePort(values['control-port'], '--control-port'),
  });
  const { pageUrl, controlUrl, chromeArgs } = world;

  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    void Promise.resolve(world[Symbol.asyncDispose]()).then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (values['die-with-parent']) {
    process.on('disconnect', stop);
    process.stdin.on('close', stop).on('error', stop).resume();
  }
  console.log(JSON.stringify({ pageUrl, controlUrl, chromeArgs }));
}

// The one experimental feature in use is the removal of types from the page's sources; its notice is noise here.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') console.error(warning);
});

run().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  console.error(USAGE);
  process.exitCode = 1;
});
