import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { makeSchemaCheck, type SchemaCheck } from '../../support/openapi/answer-check.ts';
import { listEndpoints, type MediaType, type OpenApiDocument } from '../../support/openapi/document.ts';

const TO = '+491700000002';
const FILE = { data: 'SGVsbG8h', mimeType: 'text/plain' };
const POLL = { question: 'Lunch?', options: ['Yes', 'No'] };

let server: TestServer;
let document: OpenApiDocument;
let schemas: SchemaCheck;
let account: string;
beforeAll(async () => {
  server = await openTestServer();
  document = (await server.ask('GET', '//openapi.json')).body;
  schemas = makeSchemaCheck(document);
  account = await server.makeAccount({ phoneNumber: '+491700000001' });
});
afterAll(() => server[Symbol.asyncDispose]());

function bodyOf(operationId: string): MediaType {
  const found = listEndpoints(document).find(({ operation }) => operation.operationId === operationId);
  return found?.operation.requestBody?.content['application/json'] ?? expect.fail(operationId);
}

/** Each way in that takes a message, with how it wraps one. */
const WAYS = [
  ['sendMessage', 'messages', (body: object) => body],
  ['createCampaign', 'campaigns', (body: object) => ({ name: 'May', items: [body] })],
] as const;

describe.each(WAYS)('the body of %s', (operationId, path, wrap) => {
  const post = (body: object) => server.ask('POST', `/accounts/${account}/${path}`, { body });

  it.each([
    { to: 'Alice', text: 'hi' },
    { to: '+49170', text: 'hi' },
    { to: '491700000002@example.com', text: 'hi' },
    { to: TO, text: 'hi', caption: 'hi' },
    { to: TO, text: 'hi', fileName: 'a.txt' },
    { to: TO, poll: POLL, mediaType: 'image' },
    { to: TO, text: 'hi', media: FILE },
    { to: TO, caption: 'hi' },
    { to: TO, media: FILE, mediaType: 'picture' },
    { to: TO, media: { ...FILE, mimeType: 'text' } },
    { to: TO, media: { mediaId: 'x', mimeType: 'text/plain' } },
  ])('that is refused does not fit the document either: %j', async (body) => {
    expect((await post(wrap(body))).status).toBe(400);
    expect(schemas.check(bodyOf(operationId), wrap(body))).toBeDefined();
  });

  it.each([
    { to: ` ${TO} `, text: 'hi' },
    { to: '120363000000000001@g.us', text: 'hi' },
    { to: '9900011@lid', poll: POLL },
    { to: TO, media: FILE, caption: 'hi', fileName: 'a.txt', mediaType: 'document' },
    {
      to: TO,
      media: { ...FILE, mimeType: 'text/plain; charset=utf-8' },
      mediaType: 'text/plain; charset=utf-8',
    },
  ])('that is accepted fits the document: %j', async (body) => {
    expect((await post(wrap(body))).status).toBeLessThan(300);
    expect(schemas.check(bodyOf(operationId), wrap(body))).toBeUndefined();
  });
});
