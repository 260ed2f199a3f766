import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { type AnswerCheck, makeAnswerCheck } from '../../support/openapi/answer-check.ts';
import { type Endpoint, listEndpoints, type OpenApiDocument } from '../../support/openapi/document.ts';
import { HOSTILE_TEXTS, MADE_UP_CURSORS } from '../../support/openapi/hostile-value.ts';
import { askAsTold, openAgent } from '../../support/openapi/raw-request.ts';

/** Longer ones do not fit into the head of a request. */
const MAX_LENGTH = 300;

let server: TestServer;
let endpoints: readonly Endpoint[];
let checkAnswer: AnswerCheck;
let account: AccountId;
let webhook: string;
let campaign: string;
const agent = openAgent();

beforeAll(async () => {
  server = await openTestServer();
  const document: OpenApiDocument = (await server.ask('GET', '//openapi.json')).body;
  endpoints = listEndpoints(document);
  checkAnswer = makeAnswerCheck(document);
  account = await server.makeAccount();
  const hook = { url: 'https://shop.example/hooks', events: ['message.status'] };
  webhook = (await server.ask('POST', '/webhooks', { body: hook })).body.data.id;
  const items = [{ to: '+491700000002', text: 'hi' }];
  const made = await server.ask('POST', `/accounts/${account}/campaigns`, {
    body: { name: 'Spring', items },
  });
  campaign = made.body.data.campaignId;
});
afterAll(async () => {
  agent[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** Asks with this one parameter in the query; what is wrong with the answer by the document, if anything. */
async function findFault(
  endpoint: Endpoint,
  { name, text }: { readonly name: string; readonly text: string },
): Promise<string | undefined> {
  const ids: Record<string, string> = { webhookId: webhook, campaignId: campaign };
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_whole, id: string) => ids[id] ?? account);
  const value = encodeURIComponent(text.slice(0, MAX_LENGTH).toWellFormed());
  const answer = await askAsTold(agent, {
    method: endpoint.method,
    url: new URL(`${path}?${name}=${value}`, server.url),
    headers: { authorization: `Bearer ${server.key}` },
    body: undefined,
  });
  const fault = answer.status >= 500 ? `status ${answer.status}` : checkAnswer(endpoint.operation, answer);
  return fault === undefined ? undefined : `${endpoint.method} ${path}?${name}=${value}: ${fault}`;
}

/** Every parameter of a query that the document knows, with what is said of it. */
function listQueries(): readonly { readonly endpoint: Endpoint; readonly name: string }[] {
  return endpoints.flatMap((endpoint) =>
    (endpoint.operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'query')
      .map(({ name }) => ({ endpoint, name })),
  );
}

it('answers each text that may break something, in each parameter of each query, as the document says', async () => {
  const faults: unknown[] = [];
  for (const { endpoint, name } of listQueries())
    for (const text of HOSTILE_TEXTS) faults.push(await findFault(endpoint, { name, text }));
  expect(faults.length).toBeGreaterThan(500);
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
}, 120_000);

it('answers each cursor that it did not hand out as the document says, in each list', async () => {
  const faults: unknown[] = [];
  for (const { endpoint, name } of listQueries().filter((each) => each.name === 'cursor'))
    for (const text of MADE_UP_CURSORS) faults.push(await findFault(endpoint, { name, text }));
  expect(faults.length).toBeGreaterThan(500);
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
}, 120_000);
