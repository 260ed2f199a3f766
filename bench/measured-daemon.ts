import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { daemonEnvironment, findFreePort } from '../scripts/daemon-process.ts';
import { orAborted } from '../src/lib/abort.ts';

type Told<Figures> = { readonly ready: true } | { readonly figures: Figures };

/** What is run: a program that tells that it is ready, answers each message with its figures, and tells them at its end. */
export interface MeasuredProgram {
  readonly path: string;
  readonly args?: readonly string[];
  /** On top of what a daemon of nobody's production gets. */
  readonly env: Readonly<Record<string, string>>;
}

/** A daemon that measures itself, as a process of its own. Disposing stops it, if it was not stopped. */
export interface MeasuredDaemon<Figures> extends AsyncDisposable {
  readonly url: string;
  readonly ownerKey: string;
  /** What it takes now. */
  figures(): Promise<Figures>;
  /** A drained stop; resolves with what it took in all. */
  stop(): Promise<Figures>;
}

/** Resolves when it says that it is ready; rejects with what it printed if it ends before, or if the signal aborts. */
export async function startMeasuredDaemon<Figures>(
  { path, args = [], env }: MeasuredProgram,
  signal: AbortSignal,
): Promise<MeasuredDaemon<Figures>> {
  const port = await findFreePort();
  const ownerKey = randomBytes(24).toString('base64url');
  // Without a collection before it, the heap would say how long ago the last one was.
  const child = spawn(process.execPath, ['--expose-gc', path, ...args], {
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
  const hear = async (): Promise<Figures | undefined> => {
    const [told] = (await Promise.race([once(child, 'message'), over])) as [Told<Figures>];
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
