import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { daemonEnvironment, findFreePort } from '../../scripts/daemon-process.ts';
import { orAborted } from '../../src/lib/abort.ts';
import type { ProcessFigures } from './fleet-daemon.ts';

/** Between two collections the heap would say how long ago the last one was. */
const PROGRAM = ['--expose-gc', join(import.meta.dirname, 'fleet-daemon.ts')];

type Told = { readonly ready: true } | { readonly figures: ProcessFigures };

/** A daemon with light clients, as a process of its own. Disposing stops it, if it was not stopped. */
export interface FleetProcess extends AsyncDisposable {
  readonly url: string;
  readonly ownerKey: string;
  /** What it takes now. */
  figures(): Promise<ProcessFigures>;
  /** A drained stop; resolves with what it took in all. */
  stop(): Promise<ProcessFigures>;
}

/** Resolves when it says that it is ready; rejects with what it printed if it ends before, or if the signal aborts. */
export async function startFleetProcess(
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<FleetProcess> {
  const port = await findFreePort();
  const ownerKey = randomBytes(24).toString('base64url');
  const child = spawn(process.execPath, PROGRAM, {
    env: daemonEnvironment({ ...env, PORT: String(port), OWNER_API_KEY: ownerKey }),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  const ended = once(child, 'exit');
  const over = ended.then(() => Promise.reject(new Error(`The daemon ended too soon:\n${printed}`)));
  over.catch(() => undefined);
  const hear = async (): Promise<ProcessFigures | undefined> => {
    const [told] = (await Promise.race([once(child, 'message'), over])) as [Told];
    return 'figures' in told ? told.figures : undefined;
  };
  const hearFigures = async () => {
    const figures = await hear();
    if (figures === undefined) throw new Error('The daemon told something else than its figures.');
    return figures;
  };
  const dispose = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  try {
    await orAborted(hear(), signal);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    ownerKey,
    figures() {
      const figures = hearFigures();
      child.send('figures');
      return figures;
    },
    async stop() {
      const figures = hearFigures();
      child.kill('SIGTERM');
      const last = await figures;
      await ended;
      return last;
    },
    [Symbol.asyncDispose]: dispose,
  };
}
