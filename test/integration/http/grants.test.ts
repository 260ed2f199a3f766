import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { purgeAccount } from '../../../src/db/account-removal.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
let account: AccountId;
beforeAll(async () => {
  server = await openTestServer();
  account = await server.makeAccount({ phoneNumber: '+491700000001' });
});
afterAll(() => server[Symbol.asyncDispose]());

async function makeAgent(): Promise<{ readonly id: string; readonly key: string }> {
  return (await server.ask('POST', '/keys', { body: { name: 'Agent', role: 'agent' } })).body.data;
}

const granted = async (id = account): Promise<string[]> =>
  (await server.ask('GET', `/accounts/${id}/grants`)).body.data.map(({ userId }: AnswerBody) => userId);

describe('a grant', () => {
  it('lets an agent see and use the account until it ends', async () => {
    const { id, key } = await makeAgent();
    const status = async () => (await server.ask('GET', `/accounts/${account}`, { key })).status;
    expect(await status()).toBe(404);
    const made = await server.ask('PUT', `/accounts/${account}/grants/${id}`);
    expect([made.status, made.body.data]).toEqual([200, { accountId: account, userId: id, granted: true }]);
    expect(await status()).toBe(200);
    const sent = await server.ask('POST', `/accounts/${account}/messages`, {
      key,
      body: { to: '+491700000002', text: 'hi' },
    });
    expect(sent.status).toBe(202);
    const ended = await server.ask('DELETE', `/accounts/${account}/grants/${id}`);
    expect(ended.body.data).toEqual({ accountId: account, userId: id, granted: false });
    expect(await status()).toBe(404);
  });

  it('gives no permission that the role lacks', async () => {
    const { id, key } = await makeAgent();
    await server.ask('PUT', `/accounts/${account}/grants/${id}`);
    expect((await server.ask('POST', `/disconnect/${account}`, { key })).status).toBe(403);
    expect((await server.ask('GET', `/accounts/${account}/grants`, { key })).status).toBe(403);
  });

  it('may be made and ended again, and is listed once, oldest first', async () => {
    const id = await server.makeAccount();
    const users = ['ada@shop.example', 'Zoë 7|x', 'a/b%c'];
    for (const user of [...users, ...users]) {
      const answer = await server.ask('PUT', `/accounts/${id}/grants/${encodeURIComponent(user)}`);
      expect(answer.status).toBe(200);
    }
    expect(await granted(id)).toEqual(users);
    const page = (await server.ask('GET', `/accounts/${id}/grants?limit=2`)).body;
    const rest = (await server.ask('GET', `/accounts/${id}/grants?cursor=${page.nextCursor}`)).body;
    expect([...page.data, ...rest.data].map(({ userId }) => userId)).toEqual(users);
    for (const user of [...users, ...users]) {
      const answer = await server.ask('DELETE', `/accounts/${id}/grants/${encodeURIComponent(user)}`);
      expect(answer.status).toBe(200);
    }
    expect(await granted(id)).toEqual([]);
  });

  it.each([
    ['a control character', '%00'],
    ['a space around it', '%20ada'],
    ['half a character', 'a%ED%A0%80'],
  ])('is refused for a user with %s', async (_what, user) => {
    expect((await server.ask('PUT', `/accounts/${account}/grants/${user}`)).status).toBe(400);
  });

  it('is for a user of up to 255 characters', async () => {
    const id = await server.makeAccount();
    const grant = async (user: string) =>
      (await server.ask('PUT', `/accounts/${id}/grants/${encodeURIComponent(user)}`)).status;
    for (const character of ['a', '🚀']) {
      expect(await grant(character.repeat(255))).toBe(200);
      expect(await grant(character.repeat(256))).toBe(character === 'a' ? 400 : 404);
    }
  });

  it('shows the account to nobody of another tenant', async () => {
    const key = await server.makeKey('agent', 'theirs');
    await server.grant(account, key);
    expect((await server.ask('GET', `/accounts/${account}`, { key })).status).toBe(404);
    expect((await server.ask('GET', '/accounts', { key })).body.data).toEqual([]);
  });

  it('goes with the rows of an account that is purged', async () => {
    const id = await server.makeAccount();
    await server.ask('PUT', `/accounts/${id}/grants/ada`);
    await purgeAccount(server.db, id);
    const rows = await server.db
      .selectFrom('account_grants')
      .select('id')
      .where('account_id', '=', id)
      .execute();
    expect(rows).toEqual([]);
  });
});
