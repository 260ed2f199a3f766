import { openApp } from '../src/app.ts';
import type { AppEdge } from '../src/assembly/edge.ts';
import { loadEnvironment } from '../src/config/dotenv.ts';
import { parseConfig } from '../src/config/parse-config.ts';
import { systemClock } from '../src/lib/clock.ts';

/** The other end of `startMeasuredDaemon`: runs the daemon in this process until it is asked to stop, or its parent is gone. */
export async function runMeasuredDaemon<Figures extends object>(
  sessions: NonNullable<AppEdge['sessions']>,
  readFigures: () => Figures,
): Promise<never> {
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect']) process.on(name, () => resolve());
  });
  void stopped.then(() => stop.abort());
  const cwd = process.cwd();
  const { env, problems } = loadEnvironment(process.env, cwd);
  const app = await openApp(parseConfig(env, { cwd, problems }), {
    env,
    clock: systemClock,
    isRoot: process.getuid?.() === 0,
    isTerminal: false,
    cli: 'npm run cli --',
    write: () => undefined,
    signal: stop.signal,
    sessions,
  });
  const tell = () => process.send?.({ figures: readFigures() });
  process.on('message', tell);
  process.send?.({ ready: true });
  await stopped;
  await app[Symbol.asyncDispose]();
  tell();
  process.exit();
}
