import { type App, openApp } from './app.ts';
import { containStray } from './channels/whatsapp-web/session-scope.ts';
import { CLI } from './cli/cli-command.ts';
import { loadEnvironment } from './config/dotenv.ts';
import { parseConfig } from './config/parse-config.ts';
import { explainStartError } from './config/start-error.ts';
import { systemClock } from './lib/clock.ts';
import { toError } from './lib/errors.ts';
import type { Logger } from './lib/logger.ts';

/** How long a drain may take before the process ends all the same; below PM2's kill_timeout. */
const DRAIN_DEADLINE_MS = 30_000;

/** npm hands a Ctrl-C on twice, a millisecond apart: a second signal counts only after this long. */
const SECOND_SIGNAL_AFTER_MS = 1_000;

const USAGE = `Switchboard keeps WhatsApp numbers connected.

  npm start                            run the daemon in this terminal
  npx pm2 start ecosystem.config.cjs   run it under PM2
  npm run cli -- --help                talk to a running daemon

It is configured by environment variables and .env; see .env.example.
`;

/** The last line, whatever the daemon was doing when it was asked to stop. */
const STOPPED = 'Switchboard has stopped.\n';

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const [argument] = args;
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (argument !== undefined) {
    process.stderr.write(refuseArgument(argument));
    return 1;
  }
  const stop = new AbortController();
  const stopped = catchSignals(stop);
  let app: App | undefined;
  catchErrors(stop, () => app?.log);
  try {
    const cwd = process.cwd();
    const { env, problems, warnings } = loadEnvironment(process.env, cwd);
    for (const warning of warnings) process.stderr.write(`${warning}\n`);
    const config = parseConfig(env, { cwd, problems });
    app = await openApp(config, {
      env,
      clock: systemClock,
      isRoot: process.getuid?.() === 0,
      isTerminal: process.stdin.isTTY === true && process.stdout.isTTY === true,
      cli: CLI,
      write: (text) => void process.stdout.write(text),
      signal: stop.signal,
    });
  } catch (thrown) {
    if (stop.signal.reason instanceof StopSignal) {
      process.stdout.write(STOPPED);
      return 0;
    }
    process.stderr.write(explainStartError(toError(stop.signal.reason ?? thrown)));
    return 1;
  }
  process.send?.('ready');
  await stopped;
  const asked = stop.signal.reason instanceof StopSignal;
  if (!asked) {
    const { message, stack } = toError(stop.signal.reason);
    app.log.error('An error that belongs to no session ends Switchboard', { error: message, stack });
  }
  app.log.info('Switchboard is stopping', { why: asked ? stop.signal.reason.message : 'an error' });
  return (await drain(app)) && asked ? 0 : 1;
}

/** Of an argument such as --api-key=… only the name is repeated. */
function refuseArgument(argument: string): string {
  const [name] = argument.split('=');
  return `Switchboard cannot start. It takes no argument ${name}: it is configured by environment variables and .env, such as PORT=3001 npm start. All of them are in .env.example.\n`;
}

/** Closes everything, against the deadline; true if all of it went well. */
async function drain(app: App): Promise<boolean> {
  const deadline = setTimeout(() => {
    app.log.error('The drain took too long and is cut off', { deadlineMs: DRAIN_DEADLINE_MS });
    process.exit(1);
  }, DRAIN_DEADLINE_MS);
  try {
    await app[Symbol.asyncDispose]();
    process.stdout.write(STOPPED);
    return true;
  } catch (thrown) {
    // The log is closed by now.
    process.stderr.write(`Switchboard did not stop cleanly: ${toError(thrown).message}\n`);
    return false;
  } finally {
    clearTimeout(deadline);
  }
}

/** A signal that asks for a drained stop. */
class StopSignal extends Error {}

/** The first signal asks to stop, a second one at least a second later ends the process. Resolves at the first. */
function catchSignals(stop: AbortController): Promise<void> {
  let firstAt = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const now = systemClock.monotonic();
      if (!stop.signal.aborted) {
        firstAt = now;
        stop.abort(new StopSignal(name));
      } else if (now - firstAt >= SECOND_SIGNAL_AFTER_MS) {
        process.exit(1);
      }
    });
  }
  return new Promise((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * An error that nobody caught goes to the session that it belongs to. Any other is a bug of ours, and no state to go on in:
 * the daemon drains and ends. There is no log before it is up; the error is then what stops the start.
 */
function catchErrors(stop: AbortController, findLog: () => Logger | undefined): void {
  const contain = (thrown: unknown) => {
    const log = findLog();
    if (containStray(thrown, log)) return;
    const error = toError(thrown);
    if (stop.signal.aborted) {
      log?.error('An error came while Switchboard was stopping', {
        error: error.message,
        stack: error.stack,
      });
    }
    stop.abort(error);
  };
  process.on('unhandledRejection', contain);
  process.on('uncaughtException', contain);
}

process.exitCode = await main();
// Whatever a library left open must not keep a stopped daemon alive.
process.exit();
