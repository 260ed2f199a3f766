import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTestServer } from '../../support/http-server.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const BIN = join(import.meta.dirname, '../../../scripts/switchboard.mjs');

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await openTemporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Runs the command in the temporary folder. */
async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(BIN, args, {
    cwd: folder.path,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, out, error };
}

it('the switchboard command runs from any folder and hands the exit code on', async () => {
  for (const [args, exit] of [
    [['--help'], 0],
    [['nonsense'], 2],
    [['accounts'], 3],
  ] as const) {
    const { code, out, error } = await run(args, { SWITCHBOARD_URL: 'http://127.0.0.1:1' });
    expect(code).toBe(exit);
    expect(out + error).not.toBe('');
  }
});

it('takes the names of files from where it is called', async () => {
  await using server = await openTestServer();
  const env = { SWITCHBOARD_URL: server.url, SWITCHBOARD_API_KEY: server.key };
  const account = await server.makeAccount({ phoneNumber: '+491700000001' });
  server.vault.plain.set(account, { generation: 7, bytes: Buffer.alloc(1_000, 'profile ') });
  await writeFile(
    join(folder.path, 'may.json'),
    '{"name": "May", "items": [{"to": "+491700000002", "text": "Hi"}]}',
  );
  await writeFile(join(folder.path, 'words'), 'a sentence that nobody says\n');

  const file = ['Shop.vault', '--passphrase-file', 'words'];
  const campaign = await run(['campaigns', 'create', account, 'may.json', '--json'], env);
  const exported = await run(['vault', 'export', account, ...file, '--json'], env);
  expect(campaign).toMatchObject({ code: 0, error: '' });
  expect(exported).toMatchObject({ code: 0, error: '' });
  const path = join(folder.path, 'Shop.vault');
  expect(JSON.parse(exported.out)).toMatchObject({ file: path });
  expect((await readFile(path)).subarray(0, 8).toString()).toBe('SWBVAULT');
  const imported = await run(['vault', 'import', './Shop.vault', '--passphrase-file', 'words'], env);
  expect(imported.error).not.toContain('no export that can be read');
});
