import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, '../../../simulator/main.ts');

async function run(...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: (await closed)[0], output, errors };
}

it.each(['--help', '-h'])('explains itself at %s instead of starting', async (flag) => {
  const { code, output, errors } = await run(flag);
  expect([code, errors]).toEqual([0, '']);
  expect(output).toMatch(/^usage: .*--page-port.*\n/);
  expect(output).not.toContain('controlUrl');
});

it('refuses an argument that it does not know', async () => {
  const { code, output, errors } = await run('--nonsense');
  expect([code, output]).toEqual([1, '']);
  expect(errors).toMatch(/--nonsense[\s\S]*usage: /);
});
