import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeAccountId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { CopyReport } from '../../../src/vault/copy-reports.ts';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import { sealStream } from '../../../src/vault/sealed-stream.ts';
import { type Answer, type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

const PASSPHRASE = 'a sentence that nobody says';
const PLAIN = Buffer.alloc(3 * 1024 * 1024 + 17, 'profile ');

let server: TestServer;
let id: AccountId;
let number = 491_700_200_000;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  number += 1;
  id = await server.makeAccount({ phoneNumber: `+${number}` });
  server.channel.calls.length = 0;
  server.vault.works.length = 0;
});

function copyOf(accountId: AccountId, changes: Partial<CopyReport> = {}): CopyReport {
  return {
    accountId,
    generation: 3,
    source: 'disk',
    keyId: '0011223344556677',
    bytes: 145,
    outcome: 'good',
    detail: null,
    ...changes,
  };
}

function linesOf({ body }: Answer): AnswerBody[] {
  return body
    .toString()
    .trimEnd()
    .split('\n')
    .map((line: string) => JSON.parse(line));
}

const calls = () => server.channel.calls.map(({ call }) => call);
const stateOf = async (accountId: AccountId) => (await server.ask('GET', `/accounts/${accountId}`)).body.data;

describe('verify and rotate', () => {
  it.each(['verify', 'rotate'] as const)(
    '%s answers a line a copy, between the total and a summary',
    async (work) => {
      const bad = copyOf(id, { source: 's3', outcome: 'damaged', keyId: null, bytes: 0, detail: 'Cut off.' });
      server.vault.reports.set(id, [copyOf(id), bad]);
      const answer = await server.ask('POST', `/vault/${work}`, { body: { accountId: id } });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
      const more = work === 'rotate' ? { otherKeys: [] } : {};
      const none = { key_missing: 0, unreachable: 0, rotated: 0, current: 0, lost: 0 };
      expect(linesOf(answer)).toEqual([
        { total: 1 },
        copyOf(id),
        bad,
        { summary: { accounts: 1, copies: 2, outcomes: { good: 1, damaged: 1, ...none }, ...more } },
      ]);
      expect(server.vault.works.map((each) => each.work)).toEqual([work]);
    },
  );

  it('are about every account of the tenant, and of no other, if none is named', async () => {
    const key = await server.makeKey('admin', 'several');
    const ours = [
      await server.makeAccount({ tenant: 'several' }),
      await server.makeAccount({ tenant: 'several' }),
    ];
    for (const each of [...ours, id]) server.vault.reports.set(each, [copyOf(each)]);
    for (const body of [undefined, {}]) {
      const lines = linesOf(await server.ask('POST', '/vault/verify', { key, body }));
      expect(lines[0]).toEqual({ total: 2 });
      expect(lines.slice(1, -1).map(({ accountId }) => accountId)).toEqual(ours);
    }
  });

  it('rotate is about every account of all tenants for who sets the key, and tells what still needs another', async () => {
    const theirs = await server.makeAccount({ tenant: 'other-tenant' });
    server.vault.otherKeys = [{ keyId: '0011223344556677', instanceId: 'elsewhere', snapshots: 3 }];
    server.vault.reports.set(theirs, [copyOf(theirs, { outcome: 'rotated' })]);
    const reached = async (role: 'owner' | 'admin', tenant: string) => {
      const lines = linesOf(
        await server.ask('POST', '/vault/rotate', { key: await server.makeKey(role, tenant) }),
      );
      expect(lines.at(-1)?.summary.otherKeys).toEqual(server.vault.otherKeys);
      return lines.some(({ accountId }) => accountId === theirs);
    };
    expect(await reached('owner', 'default')).toBe(true);
    expect(await reached('admin', 'default')).toBe(false);
    expect(await reached('owner', 'yet-another')).toBe(false);
    server.vault.otherKeys = [];
  });

  it("answer 404 for another tenant's account, and 403 for a role that may not", async () => {
    const theirs = await server.makeKey('owner', 'theirs');
    const agent = await server.makeKey('agent');
    for (const path of ['/vault/verify', '/vault/rotate']) {
      for (const accountId of [id, makeAccountId(), 'x']) {
        expect((await server.ask('POST', path, { key: theirs, body: { accountId } })).status).toBe(404);
      }
      expect((await server.ask('POST', path, { key: agent })).status).toBe(403);
    }
    expect(server.vault.works).toEqual([]);
  });

  it('end with the error when they break off', async () => {
    server.vault.reports.set(id, [copyOf(id)]);
    server.vault.failures.set(id, new Error('a secret of the inside'));
    const answer = await server.ask('POST', '/vault/verify', { body: { accountId: id } });
    const lines = linesOf(answer);
    expect(lines).toHaveLength(3);
    expect(lines[2]).toEqual({
      success: false,
      error: { code: 'INTERNAL', message: expect.any(String), requestId: answer.headers.get('x-request-id') },
    });
    expect(answer.body.toString()).not.toContain('secret');
  });

  it('stop when the client goes away', async () => {
    const endless = Array.from({ length: 1_000_000 }, () => copyOf(id));
    server.vault.reports.set(id, endless);
    const gone = new AbortController();
    const response = await fetch(`${server.url}/api/v1/whatsapp/vault/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ accountId: id }),
      signal: gone.signal,
    });
    await response.body?.getReader().read();
    gone.abort();
    const [work] = server.vault.works;
    await work?.ended;
    expect(work?.taken).toBeLessThan(endless.length);
  });
});

function exportOf(accountId: string, asked: { readonly key?: string; readonly passphrase?: unknown } = {}) {
  const { key = server.key, passphrase = PASSPHRASE } = asked;
  return server.ask('POST', `/accounts/${accountId}/vault/export`, { key, body: { passphrase } });
}

function confirm(accountId: string, generation: unknown) {
  return server.ask('POST', `/accounts/${accountId}/vault/export/confirm`, { body: { generation } });
}

describe('an export', () => {
  it('puts the session to rest and hands out its file with the generation', async () => {
    server.vault.plain.set(id, { generation: 7, bytes: PLAIN });
    const answer = await exportOf(id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('x-vault-generation')).toBe('7');
    expect(answer.headers.get('content-disposition')).toContain(`${id}.7.vault`);
    expect(answer.body.subarray(0, 8).toString()).toBe('SWBVAULT');
    expect(calls()).toEqual(['release']);
    expect(await stateOf(id)).toMatchObject({ state: 'disconnected', reason: { code: 'exported' } });
  });

  it('is closed for good by its confirmation, which may be repeated', async () => {
    server.vault.plain.set(id, { generation: 7, bytes: PLAIN });
    await exportOf(id);
    for (const _time of [1, 2]) {
      const answer = await confirm(id, 7);
      expect([answer.status, answer.body.data]).toEqual([
        200,
        { accountId: id, generation: 7, message: expect.any(String) },
      ]);
    }
    expect(calls().slice(0, 2)).toEqual(['release', 'abandon']);
    expect(await stateOf(id)).toMatchObject({ reason: { code: 'moved_away' } });
  });

  it('is not confirmed once the session has gone on, nor for another generation', async () => {
    server.vault.plain.set(id, { generation: 7, bytes: PLAIN });
    expect((await confirm(id, 7)).body.error.code).toBe('EXPORT_OUTDATED');
    await exportOf(id);
    expect((await confirm(id, 6)).body.error.message).toContain('generation 7, not 6');
    await server.ask('POST', `/reconnect/${id}`);
    const answer = await confirm(id, 7);
    expect([answer.status, answer.body.error.code]).toEqual([409, 'EXPORT_OUTDATED']);
    server.vault.plain.set(id, { generation: 8, bytes: PLAIN });
    await exportOf(id);
    expect((await confirm(id, 7)).status).toBe(409);
    expect(calls()).not.toContain('abandon');
  });

  it('is not confirmed once another instance has exported the session again', async () => {
    server.vault.plain.set(id, { generation: 7, bytes: PLAIN });
    await exportOf(id);
    await server.accounts.saveStart(id, server.deps.instanceId);
    server.vault.plain.set(id, { generation: 9, bytes: PLAIN });
    await server.accounts.saveRest(id, { reason: 'exported' });
    expect((await confirm(id, 7)).body.error).toMatchObject({ code: 'EXPORT_OUTDATED' });
    expect(calls()).not.toContain('abandon');
    expect((await confirm(id, 9)).status).toBe(200);
  });

  it('is confirmed after a restart of the daemon too', async () => {
    server.vault.plain.set(id, { generation: 9, bytes: PLAIN });
    await server.channel.release(id);
    expect((await confirm(id, 9)).status).toBe(200);
  });

  it('leaves a session that it fails for as it was', async () => {
    await server.accounts.saveStart(id, server.deps.instanceId);
    const error = new AppError('VAULT_KEY_MISSING', { message: 'The key 0011223344556677 is needed.' });
    server.vault.exportFailure = { error, after: 0 };
    const answer = await exportOf(id);
    server.vault.exportFailure = undefined;
    expect([answer.status, answer.body.error.code]).toEqual([500, 'VAULT_KEY_MISSING']);
    expect(answer.body.error.message).toContain('0011223344556677');
    expect(answer.headers.get('x-vault-generation')).toBeNull();
    expect(calls()).toEqual(['release', 'start']);
  });

  it('breaks off visibly when it cannot go on', async () => {
    server.vault.plain.set(id, { generation: 7, bytes: PLAIN });
    server.vault.exportFailure = { error: new Error('the disk is gone'), after: 1_000_000 };
    await expect(exportOf(id)).rejects.toThrow();
    server.vault.exportFailure = undefined;
    expect(JSON.stringify(server.log.lines)).toContain('The export of a sealed session broke off');
  });

  it('refuses a passphrase that is short or long, without repeating it, and an account without a link', async () => {
    for (const passphrase of ['elevenchars', 'x'.repeat(1_025), 12, undefined]) {
      const answer = await server.ask('POST', `/accounts/${id}/vault/export`, { body: { passphrase } });
      expect([answer.status, answer.body.error.details[0].field]).toEqual([400, 'passphrase']);
      expect(JSON.stringify(answer.body)).not.toContain('eleven');
    }
    const unlinked = await server.makeAccount();
    const answer = await exportOf(unlinked);
    expect([answer.status, answer.body.error.code]).toEqual([409, 'ACCOUNT_NOT_CONNECTED']);
    expect(calls()).toEqual([]);
  });

  it('takes 12 characters as people count them', async () => {
    expect((await exportOf(id, { passphrase: '😀'.repeat(11) })).status).toBe(400);
    expect((await exportOf(id, { passphrase: '😀'.repeat(12) })).status).toBe(200);
  });

  it('needs the right to manage', async () => {
    const key = await server.makeKey('agent');
    expect((await exportOf(id, { key })).status).toBe(403);
  });
});

async function makeExport(accountId: AccountId, plain: Buffer = PLAIN): Promise<Buffer> {
  const identity = { accountId, generation: 5, sealedAt: new Date() };
  const source = (async function* () {
    yield plain;
  })();
  const sealed: Uint8Array[] = [];
  for await (const piece of sealStream(source, { identity, keyRing: makePassphraseLock(PASSPHRASE) })) {
    sealed.push(piece);
  }
  return Buffer.concat(sealed);
}

function formOf(...parts: readonly (readonly [string, string | Buffer])[]): FormData {
  const form = new FormData();
  for (const [name, value] of parts) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, new Blob([new Uint8Array(value)]), 'session.vault');
  }
  return form;
}

function importOf(file: Buffer, { passphrase = PASSPHRASE, key = server.key } = {}) {
  return server.ask('POST', '/vault/import', {
    key,
    body: formOf(['passphrase', passphrase], ['file', file]),
  });
}

const isThere = async (accountId: AccountId) =>
  (await server.ask('GET', `/accounts/${accountId}`)).status === 200;

describe('an import', () => {
  it('creates the account under its id, takes the snapshot in and starts it', async () => {
    const key = await server.makeKey('admin', 'importer');
    const accountId = makeAccountId();
    const answer = await importOf(await makeExport(accountId), { key });
    expect([answer.status, answer.body]).toEqual([
      201,
      { success: true, data: { accountId, generation: 5 } },
    ]);
    expect(server.vault.imported.at(-1)?.accountId).toBe(accountId);
    expect(server.vault.imported.at(-1)?.plain.equals(PLAIN)).toBe(true);
    expect(server.channel.calls).toEqual([{ call: 'start', id: accountId, fresh: false }]);
    const account = await server.accounts.getAccount(accountId);
    expect(account).toMatchObject({
      linked: true,
      tenantId: 'importer',
      dailyLimit: 1_000,
      state: 'starting',
    });
    await server.ask('POST', `/reconnect/${accountId}`, { key });
    expect(server.channel.calls.at(-1)).toMatchObject({ call: 'start', fresh: false });
  });

  it('goes to an account that was moved away, or was deleted, and keeps its history', async () => {
    await server.channel.abandon(id);
    const file = await makeExport(id);
    expect((await importOf(file)).status).toBe(201);
    await server.channel.abandon(id);
    await markAccountDeleted(server.db, id);
    expect((await importOf(file)).status).toBe(201);
    expect((await stateOf(id)).displayName).toBe('Test');
  });

  it('is refused where the account is linked, or its id is taken', async () => {
    const theirs = await server.makeAccount({ tenant: 'theirs' });
    for (const taken of [id, theirs]) {
      const answer = await importOf(await makeExport(taken));
      expect([answer.status, answer.body.error.code]).toEqual([409, 'ALREADY_LINKED']);
    }
    expect((await server.accounts.getAccount(theirs)).tenantId).toBe('theirs');
    expect(calls()).toEqual([]);
  });

  it('leaves nothing where the passphrase is wrong, and does not repeat it', async () => {
    const accountId = makeAccountId();
    const answer = await importOf(await makeExport(accountId), { passphrase: 'quite another sentence' });
    expect([answer.status, answer.body.error.details[0].field]).toEqual([400, 'passphrase']);
    expect(JSON.stringify([answer.body, server.log.lines])).not.toContain('quite another');
    expect(await isThere(accountId)).toBe(false);
    expect(calls()).toEqual([]);
  });

  it('leaves nothing of a file that was changed, cut, extended, or is none', async () => {
    const accountId = makeAccountId();
    const good = await makeExport(accountId);
    const flipped = Buffer.from(good);
    flipped[2_000_000] = (flipped[2_000_000] ?? 0) ^ 1;
    const bad = [
      flipped,
      good.subarray(0, -1),
      Buffer.concat([good, good]),
      Buffer.from('no vault'),
      Buffer.alloc(0),
    ];
    for (const file of bad) {
      const answer = await importOf(file);
      expect([answer.status, answer.body.error.details[0].field]).toEqual([400, 'file']);
      expect(await isThere(accountId)).toBe(false);
    }
    expect(calls()).toEqual([]);
  });

  it('leaves nothing where the session cannot be started', async () => {
    server.channel.refusal = new AppError('POOL_FULL');
    const accountId = makeAccountId();
    const answer = await importOf(await makeExport(accountId));
    expect([answer.status, answer.body.error.code]).toEqual([503, 'POOL_FULL']);
    expect(await isThere(accountId)).toBe(false);
    expect(calls()).toEqual(['start']);
    expect(server.vault.wiped).toContain(accountId);
    await server.channel.abandon(id);
    await markAccountDeleted(server.db, id);
    await importOf(await makeExport(id));
    server.channel.refusal = undefined;
    expect(await isThere(id)).toBe(false);
  });

  it('answers a client that is still sending a large file', async () => {
    const accountId = makeAccountId();
    const large = Buffer.concat([await makeExport(accountId), Buffer.alloc(24 * 1024 * 1024)]);
    const answer = await importOf(large, { passphrase: 'quite another sentence' });
    expect(answer.status).toBe(400);
    expect((await importOf(Buffer.alloc(24 * 1024 * 1024))).status).toBe(400);
  });

  it('refuses what is larger than 4 GiB before it comes', async () => {
    const request = httpRequest(`${server.url}/api/v1/whatsapp/vault/import`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.key}`,
        'content-type': 'multipart/form-data; boundary=x',
        'content-length': String(5 * 1024 ** 3),
      },
    });
    request.flushHeaders();
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(413);
    request.on('error', () => undefined);
    request.destroy();
  });

  it.each([
    ['no passphrase', () => formOf(['file', Buffer.from('x')]), 'passphrase'],
    ['a short passphrase', () => formOf(['passphrase', 'short'], ['file', Buffer.from('x')]), 'passphrase'],
    [
      'a huge passphrase',
      () => formOf(['passphrase', 'x'.repeat(9_000)], ['file', Buffer.from('x')]),
      'passphrase',
    ],
    ['no file', () => formOf(['passphrase', PASSPHRASE]), 'file'],
    ['another name', () => formOf(['passphrase', PASSPHRASE], ['files', Buffer.from('x')]), 'file'],
    ['the file first', () => formOf(['file', Buffer.from('x')], ['passphrase', PASSPHRASE]), 'passphrase'],
    ['nothing', () => formOf(), 'passphrase'],
  ])('names the field of a form with %s', async (_what, makeForm, field) => {
    const answer = await server.ask('POST', '/vault/import', { body: makeForm() });
    expect([answer.status, answer.body.error.details?.[0].field]).toEqual([400, field]);
  });

  it('refuses a form that holds more, and keeps nothing of it', async () => {
    const accountId = makeAccountId();
    const file = await makeExport(accountId);
    for (const more of [['file', file] as const, ['name', 'x'] as const]) {
      const body = formOf(['passphrase', PASSPHRASE], ['file', file], more);
      const answer = await server.ask('POST', '/vault/import', { body });
      expect([answer.status, answer.body.error.details[0].field]).toEqual([400, 'body']);
      expect(await isThere(accountId)).toBe(false);
    }
  });

  it('wants a form, and the right to manage', async () => {
    expect((await server.ask('POST', '/vault/import', { body: {} })).status).toBe(415);
    const key = await server.makeKey('viewer');
    expect((await importOf(Buffer.from('x'), { key })).status).toBe(403);
  });

  it('takes one account in once at a time', async () => {
    const accountId = makeAccountId();
    const file = await makeExport(accountId);
    const answers = await Promise.all([importOf(file), importOf(file)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    expect(calls()).toEqual(['start']);
  });
});
