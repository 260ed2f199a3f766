import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { InstancePlaces } from './realtime-instance.ts';

const PROGRAM = fileURLToPath(new URL('./realtime-program.ts', import.meta.url));

/** An instance in a process of its own, which can be stopped and killed. Disposing kills it. */
export interface RealtimeProcess extends Disposable {
  readonly port: number;
  readonly child: ChildProcess;
}

/** Resolves once it listens. */
export async function startRealtimeProcess(places: InstancePlaces): Promise<RealtimeProcess> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(places)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const port = Number(String(line).replace('port ', ''));
  return { port, child, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}
