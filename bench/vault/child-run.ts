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
  // All three, also when it is killed: a shell's own children may outlive it, and still write, but hold on to stderr.
  const [output, complaints, ended] = await Promise.allSettled([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  if (ended.status === 'rejected') throw ended.reason;
  const [code] = ended.value;
  const said = complaints.status === 'fulfilled' ? complaints.value.trim() : '';
  if (code !== 0 || said !== '' || output.status === 'rejected') {
    throw new Error(`${file} ended with code ${code}: ${said || 'it said nothing'}`);
  }
  return output.value;
}
