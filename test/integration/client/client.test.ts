import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSwitchboardClient, type Schemas, type SwitchboardClient } from '../../../src/client/client.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';

const ACCOUNTS = '/api/v1/whatsapp/accounts';
const ACCOUNT = '/api/v1/whatsapp/accounts/{accountId}';
const MESSAGES = '/api/v1/whatsapp/accounts/{accountId}/messages';
const MEDIA = '/api/v1/whatsapp/accounts/{accountId}/media';

let server: TestServer;
let client: SwitchboardClient;
let accountId: string;
beforeAll(async () => {
  server = await openTestServer();
  client = makeSwitchboardClient({ baseUrl: `${server.url}/`, apiKey: server.key });
  accountId = await server.makeAccount({ phoneNumber: '+491700000001' });
  await server.makeAccount();
  await server.makeAccount();
});
afterAll(() => server[Symbol.asyncDispose]());

const path = (id: string = accountId) => ({ path: { accountId: id } });

describe('the client', () => {
  it('reads, changes and writes what the OpenAPI document says', async () => {
    const { data: account } = await client.get(ACCOUNT, { params: path() });
    const { phoneNumber, connectionStatus }: Schemas['SingleAccount'] = account;
    expect([phoneNumber, connectionStatus]).toEqual(['+491700000001', expect.any(String)]);
    const changed = await client.patch(ACCOUNT, { params: path(), body: { displayName: 'Shop' } });
    expect(changed.data.displayName).toBe('Shop');
    const { success, data } = await client.get('/health');
    expect([success, data.status]).toEqual([true, 'alive']);
  });

  it('presents a key, or a token that is made for each call', async () => {
    const { url: baseUrl, key } = server;
    const tokens = [key, `${key}-wrong`];
    const bearer = makeSwitchboardClient({ baseUrl, token: async () => tokens.shift() ?? '' });
    expect((await bearer.get(ACCOUNTS)).count).toBe(3);
    await expect(bearer.get(ACCOUNTS)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
    const nobody = makeSwitchboardClient({ baseUrl });
    await expect(nobody.get(ACCOUNTS)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('goes through a list page after page', async () => {
    const ids: string[] = [];
    for await (const { id } of client.list(ACCOUNTS, { params: { query: { limit: 1 } } })) ids.push(id);
    expect(new Set(ids).size).toBe(3);
    const again: string[] = [];
    for await (const { id } of client.list(ACCOUNTS)) again.push(id);
    expect(again).toEqual(ids);
  });

  it('says what is wrong as one kind of error', async () => {
    const body = { to: 'nobody', text: 'Hello' };
    await expect(client.post(MESSAGES, { params: path(), body })).rejects.toMatchObject({
      name: 'SwitchboardError',
      code: 'VALIDATION_FAILED',
      status: 400,
      details: [{ field: 'to', message: expect.any(String) }],
      requestId: expect.any(String),
      idempotencyKey: expect.any(String),
    });
    const unknown = client.get(ACCOUNT, {
      params: path(crypto.randomUUID()),
      headers: { 'x-request-id': 'r-7' },
    });
    await expect(unknown).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND', status: 404, requestId: 'r-7' });
  });

  it('makes an Idempotency-Key for each send, and takes the one that is given', async () => {
    const send = (header?: { 'idempotency-key': string }) =>
      client.post(MESSAGES, {
        params: { ...path(), ...(header === undefined ? {} : { header }) },
        body: { to: '+491700000002', text: 'Hello' },
      });
    const ids = await Promise.all([send(), send()]).then((sent) => sent.map(({ data }) => data.messageId));
    expect(new Set(ids).size).toBe(2);
    const key = { 'idempotency-key': 'order-17' };
    const first = await send(key);
    expect((await send(key)).data.messageId).toBe(first.data.messageId);
  });

  it('sends files as forms, and hands out what is no JSON as it is asked for', async () => {
    const file = new Blob([Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAA=', 'base64')], { type: 'image/gif' });
    const { data } = await client.post(MEDIA, { params: path(), body: { file } });
    expect(data.mediaId).toEqual(expect.any(String));
    const { body, response } = await client.request('get', '/metrics', { parseAs: 'text' });
    expect(body).toContain('# TYPE');
    expect(response.headers.get('content-type')).toContain('text/plain');
  });

  it('does not compile with a path, a parameter or a field that is not in the document', () => {
    const wrong = [
      // @ts-expect-error: no such path
      () => client.get('/api/v1/whatsapp/account'),
      // @ts-expect-error: the account is missing
      () => client.get(ACCOUNT),
      // @ts-expect-error: no such method there
      () => client.put(ACCOUNT, { params: path() }),
      // @ts-expect-error: a required field is missing
      () => client.post(MESSAGES, { params: path(), body: { text: 'Hello' } }),
      // @ts-expect-error: no such parameter
      () => client.get(ACCOUNTS, { params: { query: { limits: 1 } } }),
      // @ts-expect-error: no list
      () => client.list(ACCOUNT, { params: path() }),
    ];
    expect(wrong).toHaveLength(6);
  });
});
