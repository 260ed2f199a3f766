import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import { saveContacts } from '../../../src/db/contact-store.ts';
import { accountHealthSchema, accountSchema, singleAccountSchema } from '../../../src/http/account-view.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

const NOBODY = { name: null, pushName: null, isBusiness: false };

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  server.channel.calls.length = 0;
  server.channel.refusal = undefined;
  server.channel.statuses.clear();
  await server.db.deleteFrom('accounts').execute();
});

/** Dates of usage rows are those of the account's zone now. */
async function countToday(accountId: string, sent: number, received = 0, timezone = 'UTC') {
  const local_date = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone }).format(new Date());
  await server.db
    .insertInto('account_usage')
    .values({ account_id: accountId, local_date, sent, received })
    .onConflict((conflict) => conflict.columns(['account_id', 'local_date']).doUpdateSet({ sent, received }))
    .execute();
}

function fieldsOf(answer: { body: AnswerBody }): string[] {
  return answer.body.error.details.map(({ field }: { field: string }) => field).toSorted();
}

describe('connect', () => {
  it('creates the account and starts it', async () => {
    const body = {
      displayName: 'Front desk',
      phoneNumber: '+491701234567',
      dailyLimit: 5,
      timezone: 'Europe/Berlin',
    };
    const answer = await server.ask('POST', '/connect', { body });
    expect(answer.status).toBe(201);
    const { accountId } = answer.body.data;
    expect(answer.body.data).toEqual({
      accountId,
      status: 'Connecting',
      message: expect.stringContaining(`/qr-code/${accountId}`),
    });
    expect(server.channel.calls).toEqual([{ call: 'start', id: accountId, fresh: false }]);
    const { data } = (await server.ask('GET', `/accounts/${accountId}`)).body;
    expect(data).toMatchObject({ ...body, connectionStatus: 'Connecting', state: 'starting' });
  });

  it('needs no body, and takes the defaults of the daemon', async () => {
    const bare = await server.ask('POST', '/connect');
    const empty = await server.ask('POST', '/connect', { body: '' });
    expect([bare.status, empty.status]).toEqual([201, 201]);
    const { data } = (await server.ask('GET', `/accounts/${bare.body.data.accountId}`)).body;
    expect(data).toMatchObject({ dailyLimit: 1_000, timezone: 'UTC', phoneNumber: null, displayName: null });
  });

  it('names every field that is wrong', async () => {
    const body = {
      phoneNumber: '0170',
      displayName: '',
      pairing: 'sms',
      dailyLimit: 0,
      timezone: '+02:00',
      extra: 1,
    };
    const answer = await server.ask('POST', '/connect', { body });
    expect(answer.status).toBe(400);
    expect(fieldsOf(answer)).toEqual([
      'dailyLimit',
      'displayName',
      'extra',
      'pairing',
      'phoneNumber',
      'timezone',
    ]);
    expect(server.channel.calls).toEqual([]);
  });

  it('pairs by a code on request, for which it needs the number', async () => {
    const nameless = await server.ask('POST', '/connect', { body: { pairing: 'code' } });
    expect([nameless.status, fieldsOf(nameless)]).toEqual([400, ['phoneNumber']]);
    const body = { pairing: 'code', phoneNumber: '+491700000009' };
    const { accountId, message } = (await server.ask('POST', '/connect', { body })).body.data;
    expect(message).toContain(`/pairing-code/${accountId}`);
    const none = { code: null, expiresAt: null };
    expect((await server.ask('GET', `/pairing-code/${accountId}`)).body.data).toMatchObject(none);
    const expiresAt = new Date(Date.now() + 60_000);
    await server.accounts.savePairingCode(accountId, { text: 'ABCD1234', expiresAt });
    expect((await server.ask('GET', `/pairing-code/${accountId}`)).body.data).toEqual({
      code: 'ABCD1234',
      expiresAt: expiresAt.toISOString(),
      status: 'Connecting',
    });
    expect((await server.ask('GET', `/qr-code/${accountId}`)).body.data).toMatchObject({ qr: null });
    await server.accounts.savePairingCode(accountId, { text: 'ABCD1234', expiresAt: new Date(0) });
    expect((await server.ask('GET', `/pairing-code/${accountId}`)).body.data).toMatchObject(none);
    await server.accounts.saveState(accountId, { state: 'disconnected', reason: 'qr_given_up' });
    const given = await server.ask('GET', `/pairing-code/${accountId}`);
    expect([given.status, given.body.error.code]).toEqual([400, 'QR_EXPIRED']);
    await server.accounts.saveState(accountId, { state: 'disconnected', reason: 'pairing_code_refused' });
    const refused = (await server.ask('GET', `/pairing-code/${accountId}`)).body.error;
    expect(refused).toMatchObject({
      code: 'QR_EXPIRED',
      message: expect.stringContaining('no pairing code'),
    });
    await server.accounts.saveState(accountId, { state: 'disconnected', reason: 'no_code' });
    const never = (await server.ask('GET', `/pairing-code/${accountId}`)).body.error;
    expect(never).toMatchObject({ code: 'QR_EXPIRED', message: expect.stringContaining('showed no code') });
  });

  it('has no pairing code for an account that is linked by a QR code', async () => {
    const { accountId } = (await server.ask('POST', '/connect')).body.data;
    const answer = await server.ask('GET', `/pairing-code/${accountId}`);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, ['accountId']]);
    expect(answer.body.error.details[0].message).toContain(`/qr-code/${accountId}`);
  });

  it('leaves nothing behind when no slot is free', async () => {
    server.channel.refusal = new AppError('POOL_FULL');
    const answer = await server.ask('POST', '/connect', { body: {} });
    expect([answer.status, answer.body.error.code]).toEqual([503, 'POOL_FULL']);
    server.channel.refusal = new Error('the browser is broken');
    const failed = await server.ask('POST', '/connect', { body: {} });
    expect([failed.status, failed.body.error.code]).toEqual([500, 'CONNECTION_FAILED']);
    expect((await server.ask('GET', '/accounts')).body.count).toBe(0);
  });

  it('refuses a number that is linked', async () => {
    await server.makeAccount({ phoneNumber: '+491701234567' });
    const answer = await server.ask('POST', '/connect', { body: { phoneNumber: '+491701234567' } });
    expect([answer.status, answer.body.error.code]).toEqual([409, 'ALREADY_LINKED']);
  });

  it('tells nobody of a number that another tenant has linked, which may be linked there too', async () => {
    const phoneNumber = '+491701234568';
    await server.makeAccount({ tenant: 'shop', phoneNumber });
    const answer = await server.ask('POST', '/connect', { body: { phoneNumber } });
    expect(answer.status).toBe(201);
    await server.accounts.saveLinked(answer.body.data.accountId, {
      wid: '491701234568@c.us',
      profileName: 'Us',
      phoneNumber,
    });
    const own = await server.ask('GET', `/accounts/${answer.body.data.accountId}`);
    expect(own.body.data).toMatchObject({ connectionStatus: 'Connected', phoneNumber });
  });
});

describe('accounts', () => {
  it('show exactly the fields of the contract', async () => {
    const id = await server.makeAccount({ phoneNumber: '+491700000001' });
    await countToday(id, 700, 3);
    const list = await server.ask('GET', '/accounts');
    expect(accountSchema.strict().parse(list.body.data[0])).toMatchObject({
      id,
      channel: 'whatsapp-web',
      phoneNumber: '+491700000001',
      connectionStatus: 'Connected',
      state: 'connected',
      reason: null,
      healthStatus: 'Warning',
      messagesSentToday: 700,
      messagesReceivedToday: 3,
      isActive: true,
    });
    const single = await server.ask('GET', `/accounts/${id}`);
    expect(singleAccountSchema.strict().parse(single.body.data)).toMatchObject({
      isConnected: true,
      _count: { messages: 0, contacts: 0, campaigns: 0 },
    });
    expect(list.body).toMatchObject({ success: true, count: 1, nextCursor: null });
  });

  it('count on the date of their own time zone', async () => {
    const id = await server.makeAccount();
    await server.ask('PATCH', `/accounts/${id}`, { body: { timezone: 'Pacific/Kiritimati' } });
    await countToday(id, 7, 2, 'Pacific/Kiritimati');
    await server.ask('GET', '/accounts');
    const { data } = (await server.ask('GET', `/accounts/${id}`)).body;
    expect(data).toMatchObject({ messagesSentToday: 7, messagesReceivedToday: 2 });
  });

  it('count their messages and contacts', async () => {
    const id = await server.makeAccount({ phoneNumber: '+491700000001' });
    for (const to of ['+491700000002', '+491700000002', '+491700000003', '120363@g.us']) {
      await server.ask('POST', `/accounts/${id}/messages`, { body: { to, text: 'hi' } });
    }
    const people = ['491700000002@c.us', '9900011@lid'].map((contactId) => ({ ...NOBODY, contactId }));
    await saveContacts(server.db, id, people, new Date());
    const { data } = (await server.ask('GET', `/accounts/${id}`)).body;
    expect(data._count).toEqual({ messages: 4, contacts: 2, campaigns: 0 });
  });

  it('say why they rest and what to do', async () => {
    const id = await server.makeAccount();
    await server.accounts.saveState(id, { state: 'needs_human', reason: 'logged_out', lastError: 'gone' });
    const { data } = (await server.ask('GET', `/accounts/${id}`)).body;
    expect(data).toMatchObject({
      connectionStatus: 'Failed',
      healthStatus: 'Critical',
      reason: { code: 'logged_out', text: expect.any(String), userAction: expect.any(String) },
    });
  });

  it('come in pages that stay as they are while accounts are added', async () => {
    const ids = [];
    for (let count = 0; count < 5; count += 1) ids.push(await server.makeAccount());
    const first = await server.ask('GET', '/accounts?limit=2');
    await server.makeAccount();
    const second = await server.ask('GET', `/accounts?limit=2&cursor=${first.body.nextCursor}`);
    const seen = [...first.body.data, ...second.body.data].map(({ id }) => id);
    expect(seen).toEqual(ids.slice(0, 4));
    const last = await server.ask('GET', `/accounts?limit=2&cursor=${second.body.nextCursor}`);
    expect(last.body).toMatchObject({ count: 2, nextCursor: null });
  });

  it('refuse parameters that are wrong or not known', async () => {
    const answer = await server.ask('GET', '/accounts?limit=101&cursor=abc&page=2');
    expect(answer.status).toBe(400);
    expect(fieldsOf(answer)).toEqual(['cursor', 'limit', 'page']);
    expect(fieldsOf(await server.ask('GET', '/accounts?limit=ten'))).toEqual(['limit']);
  });

  it('change as they are told, and only that', async () => {
    const id = await server.makeAccount();
    const changed = await server.ask('PATCH', `/accounts/${id}`, {
      body: { displayName: 'Büro 🏢', dailyLimit: 1_000_000, isActive: false },
    });
    expect(changed.body.data).toMatchObject({
      displayName: 'Büro 🏢',
      dailyLimit: 1_000_000,
      isActive: false,
      timezone: 'UTC',
    });
    const cleared = await server.ask('PATCH', `/accounts/${id}`, { body: { displayName: null } });
    expect(cleared.body.data).toMatchObject({ displayName: null, dailyLimit: 1_000_000 });
    const wrong = await server.ask('PATCH', `/accounts/${id}`, {
      body: { dailyLimit: 1.5, isActive: 'yes', timezone: 'Mars/Olympus', id: 'x' },
    });
    expect(fieldsOf(wrong)).toEqual(['dailyLimit', 'id', 'isActive', 'timezone']);
  });
});

describe('health', () => {
  it('adds what the session of this instance knows', async () => {
    const id = await server.makeAccount({ phoneNumber: '+491700000001' });
    await countToday(id, 125);
    const clientInfo = { wid: { user: '491700000001', server: 'c.us' }, pushname: 'Shop' };
    server.channel.statuses.set(id, {
      isClientActive: true,
      clientInfo,
      lastError: 'fell once',
      reconnect: { attempt: 2, failures: 1, nextAt: Date.UTC(2026, 0, 1) },
    });
    const { data } = (await server.ask('GET', `/health/${id}`)).body;
    expect(accountHealthSchema.strict().parse(data)).toMatchObject({
      usagePercentage: 12.5,
      isClientActive: true,
      clientInfo,
      lastError: 'fell once',
      reconnect: { attempt: 2, nextAt: '2026-01-01T00:00:00.000Z' },
    });
  });

  it('answers for an account without a session, too', async () => {
    const id = await server.makeAccount();
    const { data } = (await server.ask('GET', `/health/${id}`)).body;
    expect(data).toMatchObject({ isClientActive: false, clientInfo: null, lastError: null, reconnect: null });
  });
});

describe('reconnect, disconnect, delete', () => {
  it('reconnects a linked account with its link, and one that was logged out afresh', async () => {
    const id = await server.makeAccount({ phoneNumber: '+491700000001' });
    const kept = await server.ask('POST', `/reconnect/${id}`);
    expect(kept.body.data).toMatchObject({ accountId: id, status: 'Connecting' });
    await server.accounts.saveOver(id, parseInstanceId('test'));
    await server.ask('POST', `/reconnect/${id}`, { body: {} });
    expect(server.channel.calls.map(({ fresh }) => fresh)).toEqual([false, true]);
    expect(fieldsOf(await server.ask('POST', `/reconnect/${id}`, { body: { now: true } }))).toEqual(['now']);
  });

  it('disconnects as often as it is asked', async () => {
    const id = await server.makeAccount({ phoneNumber: '+491700000001' });
    for (let count = 0; count < 2; count += 1) {
      const answer = await server.ask('POST', `/disconnect/${id}`);
      expect(answer.status).toBe(200);
      expect(answer.body.data).toMatchObject({ accountId: id, status: 'Disconnected' });
    }
    const { data } = (await server.ask('GET', `/accounts/${id}`)).body;
    expect(data).toMatchObject({ connectionStatus: 'Disconnected', reason: { code: 'user_disconnected' } });
  });

  it('deletes an account of which nothing is left to disconnect once it is purged', async () => {
    const id = await server.makeAccount();
    const disconnect = vi.spyOn(server.channel, 'disconnect');
    disconnect.mockResolvedValueOnce().mockRejectedValueOnce(new AppError('ACCOUNT_NOT_FOUND'));
    const answer = await server.ask('DELETE', `/accounts/${id}?purge=true`);
    expect(answer.body.data).toEqual({ accountId: id, deleted: true, purged: true });
    expect(disconnect).toHaveBeenCalledTimes(2);
    disconnect.mockRestore();
  });

  it('cancels what waits of an account that is deleted, and frees its slots', async () => {
    const id = await server.makeAccount({ phoneNumber: '+491700000001' });
    await server.ask('PATCH', `/accounts/${id}`, { body: { dailyLimit: 2 } });
    const send = async () =>
      (
        await server.ask('POST', `/accounts/${id}/messages`, {
          body: { to: '+491700000002', text: 'hi', onLimit: 'defer' },
        })
      ).body.data;
    const sent = [await send(), await send(), await send()];
    expect(sent.map(({ status }) => status)).toEqual(['pending', 'pending', 'deferred']);
    expect((await server.ask('DELETE', `/accounts/${id}`)).status).toBe(200);
    for (const { messageId } of sent)
      expect((await server.ask('GET', `/messages/${messageId}`)).body.data.status).toBe('cancelled');
    const day = server.db.selectFrom('account_usage').select('taken').where('account_id', '=', id);
    expect(await day.executeTakeFirst()).toEqual({ taken: 0 });
    const told = await server.db
      .selectFrom('message_changes')
      .select(['message_id', 'kind'])
      .where('account_id', '=', id)
      .where('kind', '=', 'status')
      .orderBy('id')
      .execute();
    expect(told.map(({ message_id }) => message_id)).toEqual(sent.map(({ messageId }) => messageId));
  });

  it.each([
    ['keeps the messages', '', 1],
    ['removes the messages if it is told to', '?purge=true', 0],
  ])('deletes after disconnecting, and %s', async (_what, query, left) => {
    const id = await server.makeAccount({ phoneNumber: '+491700000001' });
    await server.ask('POST', `/accounts/${id}/messages`, { body: { to: '+491700000002', text: 'hi' } });
    const answer = await server.ask('DELETE', `/accounts/${id}${query}`);
    expect(answer.body.data).toEqual({ accountId: id, deleted: true, purged: left === 0 });
    expect(server.channel.calls).toContainEqual({ call: 'disconnect', id });
    for (const path of [`/accounts/${id}`, `/accounts/${id}/messages`, `/health/${id}`]) {
      expect((await server.ask('GET', path)).status).toBe(404);
    }
    expect((await server.ask('DELETE', `/accounts/${id}`)).status).toBe(404);
    const rows = await server.db.selectFrom('messages').select('id').where('account_id', '=', id).execute();
    expect(rows).toHaveLength(left);
    await server.makeAccount({ phoneNumber: '+491700000001' });
  });
});
