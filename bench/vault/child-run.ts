import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/**
 * Runs a program to its end and returns what it wrote to stdout. Rejects if it cannot be started, fails, or complains
 * on stderr; the signal kills it.
 */
export async function runChild(
  file: string,
  args: readonly string[],
  { signal, env = {} }: { readonly signal: AbortSignal; readonly env?: Readonly<Record<string, string>> },
): Promise<string> {
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, complaints, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  if (code !== 0 || complaints !== '') {
    throw new Error(`${file} ended with code ${code}: ${complaints.trim() || 'it said nothing'}`);
  }
  return output;
}
