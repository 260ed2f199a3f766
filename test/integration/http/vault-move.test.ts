import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { type AccountId, makeAccountId } from '../../../src/accounts/ids.ts';
import { makeDatabaseBackup } from '../../../src/db/snapshot-chunk-store.ts';
import { makeSnapshotIndex } from '../../../src/db/snapshot-store.ts';
import type { SealedSessions } from '../../../src/http/context.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import { Vault } from '../../../src/vault/vault.ts';
import { VaultFolder } from '../../../src/vault/vault-folder.ts';
import { makeVaultUpkeep } from '../../../src/vault/vault-upkeep.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';
import { sealed } from '../../support/sealed-sample.ts';
import { packParts, tarPart } from '../../support/tar-archive.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const PASSPHRASE = 'a sentence that nobody says';
const MARKER = 'the marker of this profile';
const PROFILE = ['Default/IndexedDB'];

/** A server with the real vault, on a disk of its own and with a key of its own. */
interface Host extends AsyncDisposable {
  readonly server: TestServer;
  readonly vault: Vault;
  readonly path: string;
}

async function openHost(key: string): Promise<Host> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await openTemporaryFolder());
  const keyRing = stack.use(makeKeyRing({ current: Buffer.from(key.repeat(32)), previous: [] }));
  const made: { sessions?: SealedSessions } = {};
  const sessions = new Proxy({} as SealedSessions, {
    get: (_nothing, name) => made.sessions?.[name as keyof SealedSessions],
  });
  const server = stack.use(await openTestServer({ vault: sessions }));
  const { db, log } = server;
  await mkdir(join(path, 'sessions'));
  const deps = {
    folder: new VaultFolder(join(path, 'sessions'), () => undefined),
    keyRing,
    index: makeSnapshotIndex(db, server.deps.instanceId),
    backups: [makeDatabaseBackup(db)],
    clock: systemClock,
    log,
    onStep: () => undefined,
  };
  const vault = new Vault(deps);
  const inspection = { pathFor: () => join(path, 'inspected'), ...trusting };
  made.sessions = {
    ...makeVaultUpkeep({ ...deps, vault, inspection }),
    findNewest: (id) => vault.findNewest(id),
    wipe: (id) => vault.wipe(id),
  };
  const opened = stack.move();
  return { server, vault, path, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Looks at nothing that is opened. */
const trusting = { findDamage: async () => undefined, requireRoom: async () => undefined };

async function sealProfile({ vault, path }: Host, accountId: AccountId): Promise<void> {
  const profile = join(path, 'profile');
  await mkdir(join(profile, 'Default/IndexedDB'), { recursive: true });
  await writeFile(join(profile, 'Default/IndexedDB/data'), MARKER.repeat(100_000));
  await vault.keep(await vault.seal({ accountId, generation: 3, profileEpoch: null }, profile, PROFILE), {
    backUp: true,
  });
}

function lines(body: Buffer): AnswerBody[] {
  return body
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function importInto({ server }: Host, file: Buffer, more: Readonly<Record<string, string>> = {}) {
  const form = new FormData();
  form.append('passphrase', PASSPHRASE);
  form.append('file', new Blob([new Uint8Array(file)]), 'session.vault');
  for (const [name, value] of Object.entries(more)) form.append(name, value);
  return server.ask('POST', '/vault/import', { body: form });
}

it('a session moves from one host to another that has another key', async () => {
  await using source = await openHost('s');
  await using target = await openHost('t');
  const id = await source.server.makeAccount({ phoneNumber: '+491700400001' });
  await sealProfile(source, id);

  const exported = await source.server.ask('POST', `/accounts/${id}/vault/export`, {
    body: { passphrase: PASSPHRASE },
  });
  expect([exported.status, exported.headers.get('x-vault-generation')]).toEqual([200, '3']);
  const confirmed = await source.server.ask('POST', `/accounts/${id}/vault/export/confirm`, {
    body: { generation: 3 },
  });
  expect(confirmed.status).toBe(200);

  expect((await importInto(target, exported.body)).body.data).toMatchObject({ accountId: id });
  const opened = join(target.path, 'opened');
  await target.vault.open(id, { folder: opened, ...trusting });
  expect(await readFile(join(opened, 'Default/IndexedDB/data'), 'utf8')).toBe(MARKER.repeat(100_000));

  const report = lines((await target.server.ask('POST', '/vault/verify')).body);
  expect(report.slice(1, -1).map(({ source: place, outcome }) => [place, outcome])).toEqual([
    ['disk', 'good'],
    ['database', 'good'],
  ]);
  const rotated = lines((await target.server.ask('POST', '/vault/rotate')).body);
  expect(rotated.at(-1)?.summary.outcomes.current).toBe(2);
});

it('an import that is refused leaves no account, no snapshot and no file', async () => {
  await using source = await openHost('s');
  await using target = await openHost('t');
  const id = await source.server.makeAccount({ phoneNumber: '+491700400002' });
  await sealProfile(source, id);
  const { body: good } = await source.server.ask('POST', `/accounts/${id}/vault/export`, {
    body: { passphrase: PASSPHRASE },
  });
  const flipped = Buffer.from(good);
  flipped[flipped.length - 20] = (flipped[flipped.length - 20] ?? 0) ^ 1;
  const refused = [
    await importInto(target, flipped),
    await importInto(target, good.subarray(0, -1)),
    await importInto(target, good, { name: 'x' }),
  ];
  expect(refused.map(({ status, body }) => [status, body.error.details[0].field])).toEqual([
    [400, 'file'],
    [400, 'file'],
    [400, 'body'],
  ]);
  expect((await target.server.ask('GET', '/accounts')).body.data).toEqual([]);
  const left = await readdir(join(target.path, 'sessions'), { recursive: true });
  expect(left.filter((name) => name !== id)).toEqual([]);
  expect(await target.vault.findNewest(id)).toEqual({ generation: 0, isSealed: false, profileEpoch: null });
  expect((await importInto(target, good)).status).toBe(201);
});

it.each([
  ['a link', packParts(tarPart({ path: 'l', type: 'SymbolicLink', linkpath: '/etc' })), 400, 'neither'],
  ['a way out', packParts(tarPart({ path: '../escaped' })), 400, 'leads out'],
  ['no archive', Buffer.from('no archive'), 400, 'cannot be decompressed'],
  [
    'a bomb',
    zstdCompressSync(tarPart({ path: 'f', size: 5 * 1024 ** 3 })),
    413,
    'more than 4294967296 bytes',
  ],
])(
  'an import of %s is refused before it is anything, however genuine its seal',
  async (_what, plain, status, sentence) => {
    await using host = await openHost('h');
    const id = makeAccountId();
    const identity = { accountId: id, generation: 5, sealedAt: new Date() };
    const file = await sealed(plain, identity, makePassphraseLock(PASSPHRASE));
    const answer = await importInto(host, file);
    expect([answer.status, answer.body.error.message + JSON.stringify(answer.body.error.details)]).toEqual([
      status,
      expect.stringContaining(sentence),
    ]);
    expect((await host.server.ask('GET', '/accounts')).body.data).toEqual([]);
    expect(await readdir(join(host.path, 'sessions'))).toEqual([]);
  },
);

it('an account with nothing sealed cannot be exported, and says so', async () => {
  await using host = await openHost('h');
  const id = await host.server.makeAccount({ phoneNumber: '+491700400003' });
  const answer = await host.server.ask('POST', `/accounts/${id}/vault/export`, {
    body: { passphrase: PASSPHRASE },
  });
  expect([answer.status, answer.body.error.code]).toEqual([500, 'VAULT_DAMAGED']);
  expect(
    lines((await host.server.ask('POST', '/vault/verify', { body: { accountId: id } })).body),
  ).toHaveLength(2);
  expect(
    (await host.server.ask('POST', '/vault/verify', { body: { accountId: makeAccountId() } })).status,
  ).toBe(404);
});
