import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const BIN = join(import.meta.dirname, '../../../scripts/switchboard.mjs');

it('the switchboard command runs from any folder and hands the exit code on', async () => {
  await using folder = await openTemporaryFolder();
  for (const [args, exit] of [
    [['--help'], 0],
    [['nonsense'], 2],
    [['accounts'], 3],
  ] as const) {
    const child = spawn(BIN, args, {
      cwd: folder.path,
      env: { PATH: process.env.PATH, SWITCHBOARD_URL: 'http://127.0.0.1:1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(child, 'close');
    const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    expect(code).toBe(exit);
    expect(out + error).not.toBe('');
  }
});
