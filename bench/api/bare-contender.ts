import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { orAborted } from '../../src/lib/abort.ts';
import { type BenchStores, connectionToUrl } from '../bench-stores.ts';

export interface BareContender extends AsyncDisposable {
  readonly url: string;
}

/** Starts the bare route as a process of its own. */
export async function startBareRoute(stores: BenchStores, signal: AbortSignal): Promise<BareContender> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'bare-route.ts')], {
    env: { ...process.env, DATABASE_URL: connectionToUrl(stores.postgres) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const dispose = async () => {
    child.stdin.end();
    await ended;
  };
  try {
    const said = once(createInterface(child.stdout), 'line') as Promise<[string]>;
    const failed = ended.then(() => Promise.reject(new Error('The bare route did not start.')));
    const [url] = await orAborted(Promise.race([said, failed]), signal);
    return { url, [Symbol.asyncDispose]: dispose };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}
