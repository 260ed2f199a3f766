/**
 * `npm run demo`: the daemon against the simulated WhatsApp. Links an account with a simulated phone, plays a short
 * conversation both ways through the HTTP API and the simulator's control alone, and stays up until Ctrl-C.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Phone, type Simulator, startSimulator } from '../simulator/client.ts';
import { orAborted } from '../src/lib/abort.ts';
import { toError } from '../src/lib/errors.ts';
import { type ApiMessage, DaemonApi } from './daemon-api.ts';
import { type DaemonProcess, findFreePort, startDaemon } from './daemon-process.ts';

/** Where a newcomer will look for the daemon; another port is taken if somebody else is there. */
const USUAL_PORT = 3000;

/** A picture small enough to print: one transparent pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=';

/** Lines of the daemon's output that are shown when something failed: its own words are among the last. */
const SHOWN_LINES = 20;

const USAGE = `npm run demo plays a conversation between the daemon and a simulated WhatsApp, without internet and without a
phone, and stays up until Ctrl-C so that you can look around. It takes no arguments and leaves nothing behind.
`;

/** Everybody in the play. */
interface Cast {
  readonly api: DaemonApi;
  readonly shop: Phone;
  readonly alice: Phone;
}

/** What is there to look at once the play is over. */
interface Played {
  readonly accountId: string;
  readonly alice: Phone;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The stored message that fits, as a line read back from PostgreSQL; of one that was said, only what it is by now. */
async function sayStored(
  api: DaemonApi,
  accountId: string,
  what: string,
  fits: (message: ApiMessage) => boolean,
  how: 'whole' | 'again' = 'whole',
): Promise<void> {
  const message = await api.message(accountId, what, fits);
  if (how === 'again') {
    say(`        ↳ ${message.status}`);
    return;
  }
  const arrow = message.direction === 'incoming' ? 'in ' : 'out';
  const media = message.mimeType ? ` [${message.mimeType}, ${message.fileSize} bytes]` : '';
  say(`   ${arrow}  ${message.status.padEnd(9)}  ${message.text ?? message.caption ?? message.type}${media}`);
}

async function link({ api, shop }: Cast): Promise<string> {
  say('2. Linking an account ...');
  const { accountId, qr } = await api.connect('Demo shop');
  say('   The daemon has drawn a QR code, and the simulated phone scans it.');
  await shop.scan(qr);
  await api.reached(accountId, 'Connected');
  say(`   Account ${accountId} is connected as +${shop.number}.`);
  return accountId;
}

async function converse({ api, shop, alice }: Cast, accountId: string): Promise<void> {
  const send = (body: object) => api.send(accountId, { to: `+${alice.number}`, ...body });
  const sayReached = (id: string, status: string, how?: 'again') =>
    sayStored(
      api,
      accountId,
      `The status ${status}`,
      (message) => message.messageId === id && message.status === status,
      how,
    );

  say(`3. A conversation with +${alice.number}, each line read back from PostgreSQL:`);
  const question = 'Hello! Is the blue one in stock?';
  await alice.send(shop, question);
  await sayStored(api, accountId, 'The question', (message) => message.text === question);

  const answer = await send({ text: 'It is. Shall we put one aside for you?' });
  await sayReached(answer, 'delivered');
  await alice.read(shop);
  await sayReached(answer, 'read', 'again');

  const caption = 'Yes please, this one';
  await alice.sendMedia(shop, { kind: 'image', data: PIXEL, mimetype: 'image/png', caption });
  const isPicture = (message: ApiMessage) => message.caption === caption && message.fileSize !== null;
  await sayStored(api, accountId, 'The picture', isPicture);

  const picture = await send({ media: { data: PIXEL, mimeType: 'image/png' }, caption: 'Done: number 17' });
  await sayReached(picture, 'delivered');
}

function showWhereToLook(daemon: DaemonProcess, simulator: Simulator, { accountId, alice }: Played): void {
  const cli = `SWITCHBOARD_URL=${daemon.url} SWITCHBOARD_API_KEY=${daemon.ownerKey} npm run cli --`;
  const messages = `${daemon.url}/api/v1/whatsapp/accounts/${accountId}/messages`;
  say(`
4. Look around. Ctrl-C ends everything and leaves nothing behind.
   API        ${daemon.url}/docs
   Queues     ${daemon.url}/admin/queues   (any user name; the password is the key)
   Key        ${daemon.ownerKey}
   Command    ${cli} accounts
   Send       ${cli} send ${accountId} +${alice.number} "One more thing"
   Messages   curl -H 'Authorization: Bearer ${daemon.ownerKey}' ${messages}
   Simulator  ${simulator.controlUrl}   (its control API; see simulator/README.md)`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Plays until the signal aborts, and rejects then; whatever it started is gone when it has settled. */
async function play(signal: AbortSignal, hear: (output: string) => void): Promise<never> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  stack.defer(() => say('\nStopping ...'));
  say('1. Starting the simulated WhatsApp, and the daemon with a PostgreSQL and a Redis of its own ...');
  const simulator = stack.use(await startSimulator());
  const daemon = stack.use(
    await startDaemon({
      env: {
        DATA_PATH: join(folder, 'data'),
        LOG_DIR: join(folder, 'logs'),
        CHROME_EXTRA_ARGS: simulator.chromeArgs.map((arg) => `'${arg}'`).join(' '),
      },
      port: (await isFree(USUAL_PORT)) ? USUAL_PORT : await findFreePort(),
      onOutput: hear,
      signal,
    }),
  );
  say(`   The daemon listens on ${daemon.url}.`);
  const cast = {
    api: new DaemonApi(daemon),
    shop: await simulator.world.phone('shop'),
    alice: await simulator.world.phone('alice'),
  };
  const accountId = await orAborted(link(cast), signal);
  await orAborted(converse(cast, accountId), signal);
  showWhereToLook(daemon, simulator, { accountId, alice: cast.alice });
  return await orAborted(new Promise<never>(() => undefined), signal);
}

/** What went wrong, and the daemon's last words, which say more. */
function explain(error: Error, output: string): string {
  const last = output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
  const words =
    last === '' || error.message.includes(last) ? '' : `\nThe last that the daemon said:\n\n${last}\n`;
  return `\nThe demo cannot go on. ${error.message.trimEnd()}\n${words}`;
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (args[0] !== undefined) {
    process.stderr.write(`The demo takes no argument ${args[0].split('=')[0]}.\n\n${USAGE}`);
    return 1;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  let output = '';
  try {
    return await play(stop.signal, (text) => {
      output += text;
    });
  } catch (thrown) {
    if (stop.signal.aborted) return 0;
    process.stderr.write(explain(toError(thrown), output));
    return 1;
  }
}

process.exitCode = await main();
process.exit();
