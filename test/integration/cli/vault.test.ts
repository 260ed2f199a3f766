import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeAccountId } from '../../../src/accounts/ids.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { CopyReport } from '../../../src/vault/copy-reports.ts';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import { sealStream } from '../../../src/vault/sealed-stream.ts';
import { runCli, startCli } from '../../support/cli-process.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts');
const PASSPHRASE = 'a sentence that nobody says';
const PLAIN = Buffer.alloc(2 * 1024 * 1024 + 5, 'profile ');

let server: TestServer;
let folder: TemporaryFolder;
let id: AccountId;
let file: string;
let number = 491_700_300_000;
beforeAll(async () => {
  server = await openTestServer();
  folder = await openTemporaryFolder();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  number += 1;
  id = await server.makeAccount({ phoneNumber: `+${number}` });
  server.vault.plain.set(id, { generation: 7, bytes: PLAIN });
  server.channel.calls.length = 0;
  const place = join(folder.path, String(number));
  await mkdir(place);
  file = join(place, 'session.vault');
});

function environment(more: Readonly<Record<string, string>> = { SWITCHBOARD_VAULT_PASSPHRASE: PASSPHRASE }) {
  return { SWITCHBOARD_URL: server.url, SWITCHBOARD_API_KEY: server.key, ...more };
}

function vault(args: readonly string[], env?: Readonly<Record<string, string>>) {
  return runCli(['vault', ...args], { cwd: folder.path, env: environment(env) });
}

const calls = () => server.channel.calls.map(({ call }) => call);

function copyOf(changes: Partial<CopyReport> = {}): CopyReport {
  return {
    accountId: id,
    generation: 3,
    source: 'disk',
    keyId: '0011223344556677',
    bytes: 14_200_000,
    outcome: 'good',
    detail: null,
    ...changes,
  };
}

describe('vault verify', () => {
  it('writes a line a copy and a summary', async () => {
    server.vault.reports.set(id, [copyOf(), copyOf({ source: 'database' })]);
    const { code, out, error } = await vault(['verify', id]);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out.split('\n')).toEqual([
      `${id}  generation 3  disk      good  14.2 MB  key 0011223344556677`,
      `${id}  generation 3  database  good  14.2 MB  key 0011223344556677`,
      '2 copies of 1 account: all good.',
      '',
    ]);
  });

  it('exits with 1, and says what to do, if a copy is not good', async () => {
    const bad = [
      copyOf({ outcome: 'damaged', keyId: null, bytes: 0, detail: 'Chunk 3 was\nchanged.\x1b[2J' }),
      copyOf({ outcome: 'key_missing' }),
    ];
    server.vault.reports.set(id, [copyOf(), ...bad]);
    const { code, out, error } = await vault(['verify', id]);
    expect(code).toBe(1);
    expect(out).toContain('DAMAGED: Chunk 3 was changed.');
    expect(out).not.toContain('\x1b');
    expect(error).toMatch(/^2 of 3 copies are not good: 1 damaged, 1 key missing\./);
    expect(error).toContain('ENCRYPTION_KEY_PREVIOUS');
  });

  it('prints JSON, a document a line', async () => {
    server.vault.reports.set(id, [copyOf({ outcome: 'unreachable' })]);
    const { code, out, error } = await vault(['verify', id, '--json']);
    const [total, copy, summary] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([code, total, copy, summary.summary.outcomes.unreachable]).toEqual([
      1,
      { total: 1 },
      copyOf({ outcome: 'unreachable' }),
      1,
    ]);
    expect(JSON.parse(error).error.code).toBe('VAULT_STORAGE_FAILED');
  });

  it('says so where nothing is sealed, and where the work breaks off', async () => {
    expect((await vault(['verify', id])).out).toBe('Nothing is sealed yet (1 account).\n');
    server.vault.failures.set(id, new AppError('UNAVAILABLE'));
    const { code, error } = await vault(['verify', id]);
    expect(code).toBe(3);
    expect(error).toContain('Switchboard cannot answer right now.');
    server.vault.failures.delete(id);
  });

  it('is stopped by Ctrl-C', async () => {
    server.vault.reports.set(
      id,
      Array.from({ length: 1_000_000 }, () => copyOf()),
    );
    const { child, result } = startCli(['vault', 'verify', id], { cwd: folder.path, env: environment() });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGINT');
    expect((await result).code).toBe(130);
    await server.vault.works.at(-1)?.ended;
    server.vault.reports.delete(id);
  });
});

describe('vault rotate', () => {
  it('tells of each copy and how many there were', async () => {
    server.vault.reports.set(id, [copyOf({ outcome: 'rotated' }), copyOf({ outcome: 'current' })]);
    const { code, out } = await vault(['rotate', `+${number}`]);
    expect(code).toBe(0);
    expect(out).toMatch(/wrapped anew.*\n.*current already.*\n2 copies of 1 account: 1 wrapped anew/);
  });
});

describe('vault rotate, at its end', () => {
  it('says that old keys can go, or which are still needed and where', async () => {
    server.vault.reports.set(id, [copyOf({ outcome: 'rotated' })]);
    expect((await vault(['rotate', id])).out).toMatch(/No sealed session needs an old key any more.*\n$/);
    server.vault.otherKeys = [
      { keyId: '0011223344556677', instanceId: 'b', snapshots: 3 },
      { keyId: '8899aabbccddeeff', instanceId: null, snapshots: 1 },
    ];
    const { code, out } = await vault(['rotate', id]);
    const json = await vault(['rotate', id, '--json']);
    const { otherKeys } = server.vault;
    server.vault.otherKeys = [];
    expect(code).toBe(0);
    expect(out).toContain('KEEP THE OLD KEYS.');
    expect(out).toContain('3 sealed sessions held by the instance b: key 0011223344556677');
    expect(out).toContain('1 sealed session held by no instance: key 8899aabbccddeeff');
    expect(JSON.parse(json.out.trimEnd().split('\n').at(-1) ?? '').summary.otherKeys).toEqual(otherKeys);
  });
});

describe('vault export', () => {
  it('writes a whole file for its owner alone, then closes the session, and says both', async () => {
    const { code, out, error } = await vault(['export', id, file]);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toContain(`account ${id}, generation 7, to ${file} (2.1 MB)`);
    expect(out).toContain('closed at this daemon for good');
    expect((await readFile(file)).subarray(0, 8).toString()).toBe('SWBVAULT');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(file, '..'))).toEqual(['session.vault']);
    expect(calls()).toEqual(['release', 'abandon']);
  });

  it('prints JSON', async () => {
    const { out } = await vault(['export', id, file, '--json']);
    expect(JSON.parse(out)).toEqual({ accountId: id, generation: 7, file, bytes: (await stat(file)).size });
  });

  it('overwrites no file, and writes where it can, before anything is asked of the daemon', async () => {
    await writeFile(file, 'mine');
    const there = await vault(['export', id, file]);
    expect([there.code, there.error]).toEqual([
      2,
      `${file} is there already, and is not overwritten. Choose another file.\n`,
    ]);
    expect(await readFile(file, 'utf8')).toBe('mine');
    await writeFile(`${file}2.part`, 'theirs');
    const part = await vault(['export', id, `${file}2`]);
    expect([part.code, part.error]).toEqual([
      2,
      expect.stringContaining('Remove it, or choose another file.'),
    ]);
    expect(await readFile(`${file}2.part`, 'utf8')).toBe('theirs');
    expect((await vault(['export', id, join(folder.path, 'nowhere', 'x')])).error).toContain(
      'cannot be written',
    );
    expect(calls()).toEqual([]);
  });

  it('leaves the session alone where the daemon refuses', async () => {
    const unlinked = await server.makeAccount();
    const { code, error } = await vault(['export', unlinked, file]);
    expect([code, error]).toEqual([6, 'The account is not linked: it has no session to export.\n']);
    expect(await readdir(join(file, '..'))).toEqual([]);
    expect((await vault(['export', makeAccountId(), file])).code).toBe(5);
  });

  it('keeps nothing of a file that breaks off, and says how the session stands', async () => {
    server.vault.exportFailure = { error: new Error('the disk is gone'), after: 1_000_000 };
    const { code, error } = await vault(['export', id, file]);
    server.vault.exportFailure = undefined;
    expect(code).toBe(3);
    expect(error).toMatch(/broke off .* Nothing was kept of the file\. The session rests at the daemon/);
    expect(error).toContain(`npm run cli -- link --account ${id}`);
    expect(await readdir(join(file, '..'))).toEqual([]);
    expect(calls()).toEqual(['release']);
  });

  it('says how to close the session where only that failed, and --confirm does', async () => {
    server.channel.abandonment = new AppError('UNAVAILABLE');
    const { code, error } = await vault(['export', id, file]);
    server.channel.abandonment = undefined;
    expect(code).toBe(3);
    const command = `vault export ${id} ${file} --confirm`;
    expect(error).toContain(`${file} is whole, but the session is not closed at the daemon yet.`);
    expect(error).toContain(`npm run cli -- ${command}`);
    const other = await server.makeAccount({ phoneNumber: '+491700399999' });
    expect((await vault(['export', other, file, '--confirm'])).error).toContain(
      `account ${id}, not of ${other}`,
    );
    const confirmed = await vault(['export', id, file, '--confirm'], {});
    expect([confirmed.code, confirmed.out]).toEqual([
      0,
      expect.stringContaining('closed at this daemon for good'),
    ]);
    expect(calls()).toEqual(['release', 'abandon', 'abandon']);
  });

  it('does not confirm an export that is outdated', async () => {
    await vault(['export', id, file]);
    await server.channel.start(id);
    const { code, error } = await vault(['export', id, file, '--confirm']);
    expect([code, error]).toEqual([1, expect.stringContaining('it has gone on here')]);
  });
});

async function writeExport(accountId: AccountId, path: string): Promise<void> {
  const identity = { accountId, generation: 5, sealedAt: new Date() };
  await writeSealed(path, { identity, keyRing: makePassphraseLock(PASSPHRASE) });
}

async function writeSealed(path: string, options: Parameters<typeof sealStream>[1]): Promise<void> {
  const source = (async function* () {
    yield PLAIN;
  })();
  const sealed: Uint8Array[] = [];
  for await (const piece of sealStream(source, options)) sealed.push(piece);
  await writeFile(path, Buffer.concat(sealed));
}

describe('vault import', () => {
  it('takes in what was exported, and says how to see it start', async () => {
    const accountId = makeAccountId();
    await writeExport(accountId, file);
    const { code, out, error } = await vault(['import', file]);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toContain(`Imported: account ${accountId}, as generation 5. It is starting.`);
    expect(server.vault.imported.at(-1)?.plain.equals(PLAIN)).toBe(true);
    expect(calls()).toEqual(['start']);
  });

  it('takes in what vault export wrote, back at the same host too', async () => {
    await vault(['export', id, file]);
    const { code, out } = await vault(['import', file, '--json']);
    expect([code, JSON.parse(out)]).toEqual([0, { accountId: id, generation: 7 }]);
  });

  it('names what is wrong with the passphrase, without repeating it', async () => {
    await writeExport(makeAccountId(), file);
    const { code, error } = await vault(['import', file], {
      SWITCHBOARD_VAULT_PASSPHRASE: 'quite another one',
    });
    expect(code).toBe(2);
    expect(error).toMatch(/^passphrase: This is not the passphrase [^\n]*\n$/);
    expect(error).not.toContain('another one');
  });

  it('refuses what is no export before the daemon gets it', async () => {
    await writeFile(file, 'no vault');
    expect((await vault(['import', file])).error).toContain('is no export that can be read');
    expect((await vault(['import', `${file}.none`])).error).toContain('ENOENT');
    using keyRing = makeKeyRing({ current: Buffer.alloc(32, 'k3y'), previous: [] });
    await writeSealed(file, { identity: { accountId: id, generation: 1, sealedAt: new Date() }, keyRing });
    const { code, error } = await vault(['import', file]);
    expect([code, error]).toEqual([2, expect.stringContaining('not an export: its encryption key opens it')]);
    expect(calls()).toEqual([]);
  });

  it('says that the account is here already', async () => {
    await writeExport(id, file);
    const { code, error } = await vault(['import', file]);
    expect([code, error]).toEqual([1, expect.stringContaining('is linked or running here')]);
  });
});

describe('the passphrase', () => {
  it('is read from the first line of a file, which goes before the environment', async () => {
    const path = `${file}.passphrase`;
    await writeFile(path, `${PASSPHRASE}\r\nand a comment\n`);
    await chmod(path, 0o600);
    const env = { SWITCHBOARD_VAULT_PASSPHRASE: 'quite another one' };
    expect((await vault(['export', id, file, '--passphrase-file', path], env)).code).toBe(0);
    expect((await vault(['import', file])).code).toBe(0);
    const missing = await vault(['import', file, '--passphrase-file', `${path}.none`]);
    expect([missing.code, missing.error]).toEqual([2, expect.stringContaining('ENOENT')]);
  });

  it('is refused if it is short, and where nobody can be asked', async () => {
    const short = await vault(['export', id, file], { SWITCHBOARD_VAULT_PASSPHRASE: 'elevenchars' });
    expect([short.code, short.error]).toEqual([2, expect.stringContaining('has 11 characters; it needs 12')]);
    expect(short.error).not.toContain('eleven');
    const none = await vault(['export', id, file], {});
    expect([none.code, none.error]).toEqual([2, expect.stringContaining('no terminal to ask')]);
    expect(calls()).toEqual([]);
    expect(await readdir(join(file, '..'))).toEqual([]);
  });

  it('is asked for twice on a terminal, which does not show it', async () => {
    const good = await onTerminal(['export', id, file], [PASSPHRASE, PASSPHRASE]);
    expect(good.code).toBe(0);
    expect(good.shown).toContain('Exported: account');
    expect(good.shown).not.toContain('sentence');
    expect((await onTerminal(['import', file], [PASSPHRASE])).code).toBe(0);
  });

  it('does nothing if the two differ, or at Ctrl-C', async () => {
    const differing = await onTerminal(['export', id, file], [PASSPHRASE, `${PASSPHRASE}!`]);
    expect([differing.code, differing.shown]).toEqual([
      2,
      expect.stringContaining('The two passphrases differ.'),
    ]);
    expect((await onTerminal(['export', id, file], ['half\x03'])).code).toBe(130);
    expect(calls()).toEqual([]);
    expect(await readdir(join(file, '..'))).toEqual([]);
  });
});

/** Runs it on a pseudo terminal, and types the answers as they are asked for. */
async function onTerminal(args: readonly string[], answers: readonly string[]) {
  const command = [process.execPath, MAIN, 'vault', ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', `exec ${command}`, '/dev/null'], {
    cwd: folder.path,
    env: { PATH: process.env.PATH, ...environment({}) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let asked = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const questions =
      shown.match(/A new passphrase \(12 to 1,024 characters\): |Passphrase: |The same once more: /g)
        ?.length ?? 0;
    for (; asked < questions; asked += 1) child.stdin.write(`${answers[asked] ?? ''}\r`);
  });
  const [code] = await once(child, 'close');
  return { code, shown };
}

describe('help', () => {
  it.each([[['verify']], [['rotate']], [['export']], [['import']]])(
    'explains vault %j without a daemon',
    async (args) => {
      const { code, out } = await runCli(['vault', ...args, '--help'], {
        cwd: folder.path,
        env: { PORT: 'x' },
      });
      expect(code).toBe(0);
      expect(out).toContain('--json');
      expect(out).toContain('Exit codes:');
      expect(out).not.toContain('\n\n\n');
    },
  );

  it('lists the commands of vault, and exits with 2 without one', async () => {
    const { code, error } = await runCli(['vault'], { cwd: folder.path });
    expect(code).toBe(2);
    for (const name of ['verify', 'rotate', 'export', 'import']) expect(error).toContain(`  ${name} `);
  });
});
