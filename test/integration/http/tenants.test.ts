import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';
import { messageEvent } from '../../support/inbound-events.ts';

let server: TestServer;
let theirs: AccountId;
let theirMessage: string;
let theirCampaign: string;
let ourKey: string;
beforeAll(async () => {
  server = await openTestServer();
  theirs = await server.makeAccount({ tenant: 'theirs', phoneNumber: '+491700000001' });
  await ingestEvents(server.db, theirs, [messageEvent('A')], new Date());
  const key = await server.makeKey('owner', 'theirs');
  const list = await server.ask('GET', `/accounts/${theirs}/messages`, { key });
  theirMessage = list.body.data[0].messageId;
  const created = await server.ask('POST', `/accounts/${theirs}/campaigns`, {
    key,
    body: BODIES.createCampaign,
  });
  theirCampaign = created.body.data.campaignId;
  ourKey = await server.makeKey('owner', 'ours');
});
afterAll(() => server[Symbol.asyncDispose]());

/** A body that is valid, so that a 404 is about the account alone. */
const BODIES: Readonly<Record<string, unknown>> = {
  sendMessage: { to: '+491700000002', text: 'hi' },
  createCampaign: { name: 'mine', items: [{ to: '+491700000002', text: 'hi' }] },
  sendMessages: { items: [{ to: '+491700000002', text: 'hi' }] },
  changeAccount: { displayName: 'mine now' },
  reactToMessage: { emoji: '👍' },
  exportVault: { passphrase: 'a sentence of twelve' },
  confirmVaultExport: { generation: 1 },
};

it("another tenant's accounts, messages and campaigns do not exist, on any route", async () => {
  const document = (await server.ask('GET', '//openapi.json')).body;
  const before = await server.db.selectFrom('accounts').selectAll().execute();
  let asked = 0;
  for (const [path, item] of Object.entries<AnswerBody>(document.paths)) {
    if (!path.includes('{')) continue;
    const url = `/${path
      .replace('{accountId}', theirs)
      .replace('{messageId}', theirMessage)
      .replace('{campaignId}', theirCampaign)}`;
    for (const [method, { operationId }] of Object.entries<AnswerBody>(item)) {
      asked += 1;
      const body = BODIES[operationId];
      const answer = await server.ask(method.toUpperCase(), url, { key: ourKey, body });
      const [, named = ''] = /\{(\w+)Id\}/.exec(path) ?? [];
      const code = `${named.toUpperCase()}_NOT_FOUND`;
      expect([answer.status, answer.body.error?.code], `${method} ${path}`).toEqual([404, code]);
    }
  }
  expect(asked).toBeGreaterThan(10);
  expect(server.channel.calls).toEqual([]);
  expect(await server.db.selectFrom('accounts').selectAll().execute()).toEqual(before);
});

it('lists only the accounts of the tenant', async () => {
  expect((await server.ask('GET', '/accounts', { key: ourKey })).body.data).toEqual([]);
});
