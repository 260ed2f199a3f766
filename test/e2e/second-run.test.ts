import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';
import { openWorkFolder } from '../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');

it('installs nothing and says nothing where everything is there', async () => {
  await using folder = await openWorkFolder();
  const installed = () => stat(join(ROOT, 'node_modules', '.package-lock.json'));
  const before = await installed();
  const setup = runProgram(['npm', 'run', '--silent', 'setup'], { cwd: ROOT, env: folder.env() });
  expect(await setup.ended).toBe(0);
  expect(setup.output()).toBe('');
  expect(setup.errors().replaceAll(/^npm warn .*\n/gm, '')).toBe('');
  expect((await installed()).mtimeMs).toBe(before.mtimeMs);
});
