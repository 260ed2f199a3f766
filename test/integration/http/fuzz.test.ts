import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AccountId, makeMessageId, parseTenantId } from '../../../src/accounts/ids.ts';
import { deleteWebhook } from '../../../src/db/webhook-removal.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { insertRun } from '../../support/instance-rows.ts';
import { type AnswerCheck, makeAnswerCheck } from '../../support/openapi/answer-check.ts';
import { listEndpoints, type OpenApiDocument } from '../../support/openapi/document.ts';
import { askAsTold, openAgent, type RawAnswer, type RawRequest } from '../../support/openapi/raw-request.ts';
import { type RequestDraft, requestDrafts } from '../../support/openapi/request-draft.ts';
import { scaled, seed } from '../../support/scale.ts';

const RUNS = scaled(500, 20_000);
/** So long all of them may take on a machine that is busy. */
const ALL_MS = scaled(60_000, 3_600_000);

/** A request that is not answered while so many others are, one after another, hangs. */
const OTHERS_MEANWHILE = 500;
/** Before others are sent to compare with, in milliseconds. */
const PATIENCE_MS = 2_000;

let server: TestServer;
let document: OpenApiDocument;
let checkAnswer: AnswerCheck;
let keys: Record<'viewer' | 'stranger', string>;
const agent = openAgent();
const accounts: AccountId[] = [];
const messages: string[] = [];
const campaigns: string[] = [];
const keyIds: string[] = [];
const webhooks: string[] = [];
const instances: string[] = [];
let number = 491_700_300_000;

beforeAll(async () => {
  server = await openTestServer();
  document = (await server.ask('GET', '//openapi.json')).body;
  checkAnswer = makeAnswerCheck(document);
  keys = { viewer: await server.makeKey('viewer'), stranger: await server.makeKey('owner', 'elsewhere') };
  for (let index = 0; index < 4; index += 1) await renew(index);
});
afterAll(async () => {
  agent[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** Makes an account anew, with a message that waits and one that came in. */
async function renew(index: number): Promise<void> {
  number += 1;
  const id = await server.makeAccount({ phoneNumber: `+${number}` });
  accounts[index] = id;
  const sent = await server.ask('POST', `/accounts/${id}/messages`, {
    body: { to: '+491700000002', text: 'hi' },
  });
  const at = new Date();
  const incoming = makeMessageId(at.getTime());
  await server.db
    .insertInto('messages')
    .values({
      id: incoming,
      account_id: id,
      chat_id: '1@c.us',
      direction: 'incoming',
      type: 'text',
      text: 'yo',
      status: 'delivered',
      timestamp: at,
    })
    .execute();
  messages.splice(index * 2, 2, sent.body.data.messageId, incoming);
  const created = await server.ask('POST', `/accounts/${id}/campaigns`, {
    body: { name: 'Spring', items: [{ to: '+491700000002', text: 'hi' }] },
  });
  campaigns[index] = created.body.data.campaignId;
  const made = await server.ask('POST', '/keys', { body: { name: 'Made', role: 'viewer' } });
  keyIds[index] = made.body.data.id;
  // Those that were forgotten are gone; one that never renews may be.
  instances[index] = `instance-${number}`;
  await insertRun(server.db, instances[index], { renewedAt: new Date(0) });
  // There is room for a hundred: those that requests have made, and the one before, go.
  const kept = webhooks.filter((_id, nth) => nth !== index);
  const others = await server.db
    .selectFrom('webhooks')
    .select(['id', 'tenant_id'])
    .where(sql<boolean>`id <> all(${kept}::uuid[])`)
    .execute();
  for (const { id: other, tenant_id } of others)
    await deleteWebhook(server.db, parseTenantId(tenant_id), other);
  const hook = await server.ask('POST', '/webhooks', {
    body: { url: 'https://shop.example/hooks', events: ['message.status'] },
  });
  webhooks[index] = hook.body.data.id;
}

function draftToRequest({ endpoint, method, key, path, query, headers, body }: RequestDraft): RawRequest {
  const idOf = (name: string, value: number) => {
    const pool =
      {
        messageId: messages,
        campaignId: campaigns,
        keyId: keyIds,
        webhookId: webhooks,
        instanceId: instances,
      }[name] ?? accounts;
    return pool[value % (pool.length + 1)] ?? crypto.randomUUID();
  };
  const filled = endpoint.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = path[name] ?? '';
    return typeof value === 'number' ? idOf(name, value) : encodeURIComponent(value.toWellFormed());
  });
  const search = query
    .map((pair) => pair.map((text) => encodeURIComponent(text.toWellFormed())).join('='))
    .join('&');
  const bearer = typeof key === 'object' ? key.text : { owner: server.key, none: undefined, ...keys }[key];
  const bytes =
    body === undefined
      ? undefined
      : 'bytes' in body
        ? body.bytes
        : Buffer.from(JSON.stringify(body.json) ?? '');
  return {
    method,
    url: new URL(filled + (search === '' ? '' : `?${search}`), server.url),
    headers: { ...headers, ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) },
    body: bytes,
  };
}

/** Rejects once the server has answered so many others that it cannot be short of time. */
async function hang(answered: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    answered.addEventListener('abort', () => clearTimeout(timer));
  });
  for (let count = 0; count < OTHERS_MEANWHILE; count += 1)
    await server.ask('GET', '//health', { key: null });
  throw new Error(`No answer while ${OTHERS_MEANWHILE} other requests were answered.`);
}

/** What is wrong with the answer by the document; a request that is none of its operations is answered 400 or 404. */
function judge(draft: RequestDraft, request: RawRequest, answer: RawAnswer): string | undefined {
  if (answer.status >= 500) return `status ${answer.status}: ${answer.body.toString('utf8')}`;
  if (answer.requestId === undefined) return 'no X-Request-Id';
  const { method } = request;
  if (method === draft.endpoint.method) return checkAnswer(draft.endpoint.operation, answer);
  const other = document.paths[draft.endpoint.path]?.[method === 'HEAD' ? 'get' : method.toLowerCase()];
  if (other !== undefined) return checkAnswer(other, answer);
  return [400, 404, 405, 413, 415, 429].includes(answer.status)
    ? undefined
    : `status ${answer.status} of an address without a route`;
}

it(`answers ${RUNS} requests as the document says, whatever they hold (seed ${seed})`, {
  timeout: ALL_MS,
}, async () => {
  const stray: unknown[] = [];
  const onStray = (thrown: unknown) => void stray.push(thrown);
  process.on('unhandledRejection', onStray);
  let succeeded = 0;
  try {
    await fc.assert(
      fc.asyncProperty(requestDrafts(document, listEndpoints(document)), async (draft) => {
        const request = draftToRequest(draft);
        const answered = new AbortController();
        const answer = await Promise.race([askAsTold(agent, request), hang(answered.signal)]);
        answered.abort();
        if (answer.status < 300) succeeded += 1;
        expect(judge(draft, request, answer), `${request.method} ${request.url.href}`).toBeUndefined();
        const ids = Object.values(draft.path);
        if (answer.status < 300 && request.method !== 'GET' && typeof ids[0] === 'number')
          await renew(ids[0] % accounts.length);
      }),
      { seed, numRuns: RUNS },
    );
  } finally {
    process.off('unhandledRejection', onStray);
  }
  expect(stray).toEqual([]);
  // They get past the checks, too.
  expect(succeeded).toBeGreaterThan(RUNS / 10);
});
