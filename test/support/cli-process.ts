import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** The command line as its own process, in the folder `cwd`, with nothing in its environment but `env`. */
export function startCli(
  args: readonly string[],
  place: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): { readonly child: ChildProcess; readonly result: Promise<CliResult> } {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: place.cwd,
    env: { PATH: process.env.PATH, ...place.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const result = Promise.all([text(child.stdout), text(child.stderr), closed]).then(
    ([out, error, [code]]): CliResult => ({ code, out, error }),
  );
  return { child, result };
}

/** Runs it to its end. */
export function runCli(...parameters: Parameters<typeof startCli>): Promise<CliResult> {
  return startCli(...parameters).result;
}
