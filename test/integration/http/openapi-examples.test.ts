import { arrayBuffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAccountId, parseTenantId } from '../../../src/accounts/ids.ts';
import { deleteWebhook } from '../../../src/db/webhook-removal.ts';
import { type Answer, openTestServer, type TestServer } from '../../support/http-server.ts';
import { insertRun } from '../../support/instance-rows.ts';
import { makeSchemaCheck } from '../../support/openapi/answer-check.ts';
import {
  type Endpoint,
  isMultipart,
  listEndpoints,
  type MediaType,
  type OpenApiDocument,
  type Parameter,
  resolveSchema,
  type Schema,
} from '../../support/openapi/document.ts';
import { ScriptedVault } from '../../support/scripted-vault.ts';

let server: TestServer;
let document: OpenApiDocument;
let number = 491_700_400_000;
beforeAll(async () => {
  server = await openTestServer();
  document = (await server.ask('GET', '//openapi.json')).body;
});
afterAll(() => server[Symbol.asyncDispose]());

/** What cannot succeed for an account that is not connected, received no media and was not exported. */
const STATE_NEEDED: Readonly<Record<string, readonly number[]>> = {
  getMessageMedia: [404],
  reactToMessage: [409],
  confirmVaultExport: [409],
};

/** An empty body says something of its own there: all accounts. */
const EMPTY_IS_MEANT: readonly string[] = ['verifyVault', 'rotateVault'];

/** Operations that are asked with a form. */
const hasForm = ({ operation }: Endpoint) => isMultipart(operation);

function examplesOf({ example, examples }: MediaType): readonly unknown[] {
  const named = Object.values(examples ?? {}).map(({ value }) => value);
  return example === undefined ? named : [example, ...named];
}

/** One `undefined` for an operation without a body; a form as an object of its parts. */
function examplesOfBody({ operation }: Endpoint): readonly unknown[] {
  const [media] = Object.values(operation.requestBody?.content ?? {});
  return media === undefined ? [undefined] : examplesOf(media);
}

/** The form that an example shows, with a file where it names one: an exported session, where that is asked for. */
async function exampleToForm(example: unknown): Promise<FormData> {
  const { file, ...fields } = example as Readonly<Record<string, string>>;
  const { passphrase } = fields;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const content = passphrase === undefined ? file : await exportedSession(passphrase);
  form.append('file', new Blob([content ?? ''], { type: 'text/plain' }), 'file');
  return form;
}

/** As another host exported it. */
async function exportedSession(passphrase: string): Promise<ArrayBuffer> {
  const { bytes } = await new ScriptedVault().exportNewest(makeAccountId(), passphrase);
  return arrayBuffer(bytes);
}

function parametersOf({ operation }: Endpoint, place: Parameter['in']): readonly Parameter[] {
  return (operation.parameters ?? []).filter((parameter) => parameter.in === place);
}

/** One that has not renewed its lease for long. */
async function makeQuietInstance(): Promise<string> {
  const name = `instance-${number}`;
  await insertRun(server.db, name, { renewedAt: new Date(0) });
  return name;
}

const webhooks: string[] = [];
const WEBHOOKS_KEPT = 50;

/** An account with a message that waits; for codes, one that is being linked. A campaign of it, a key, a user, and a webhook. */
async function makeSubjects(operationId: string) {
  number += 1;
  const phoneNumber = `+${number}`;
  const messagesOf = await server.makeAccount({ phoneNumber });
  const body = { to: '+491700000002', text: 'hi' };
  const sent = await server.ask('POST', `/accounts/${messagesOf}/messages`, { body });
  const linking: Readonly<Record<string, object>> = {
    getQrCode: { pairing: 'qr' },
    getPairingCode: { pairing: 'code', phoneNumber: `${phoneNumber}0` },
  };
  const connected =
    linking[operationId] && (await server.ask('POST', '/connect', { body: linking[operationId] }));
  const accountId: string = connected?.body.data.accountId ?? messagesOf;
  const created = await server.ask('POST', `/accounts/${messagesOf}/campaigns`, {
    body: { name: 'Spring', items: [{ to: '+491700000002', text: 'hi' }] },
  });
  const made = await server.ask('POST', '/keys', { body: { name: 'Made', role: 'viewer' } });
  const hook = await server.ask('POST', '/webhooks', {
    body: { url: 'https://shop.example/hooks', events: ['message.status'] },
  });
  const webhookId: string = hook.body.data.id;
  webhooks.push(webhookId);
  // There is room for a hundred: of those of operations that are over the oldest go.
  const over = webhooks.splice(0, webhooks.length - WEBHOOKS_KEPT);
  // As the API does it: deliveries may be under way.
  for (const id of over) await deleteWebhook(server.db, parseTenantId('default'), id);
  await server.ask('POST', `/webhooks/${webhookId}/test`, { body: {} });
  const deliveries = await server.ask('GET', `/webhooks/${webhookId}/deliveries`);
  return {
    accountId,
    webhookId,
    deliveryId: deliveries.body.data[0].id as string,
    messageId: sent.body.data.messageId as string,
    campaignId: created.body.data.campaignId as string,
    keyId: made.body.data.id as string,
    userId: 'ada',
    instanceId: await makeQuietInstance(),
  };
}

/** Asks the operation as its examples say, about an account and a message that exist. */
async function askByExample(
  endpoint: Endpoint,
  body: unknown,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const ids: Readonly<Record<string, string>> = await makeSubjects(endpoint.operation.operationId);
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_whole, name: string) => ids[name] ?? '');
  const query = new URLSearchParams([
    ...parametersOf(endpoint, 'query').map(({ name, example }): [string, string] => [name, String(example)]),
    ...Object.entries(more),
  ]);
  const headers = Object.fromEntries(
    parametersOf(endpoint, 'header').map(({ name, example }) => [name, String(example)]),
  );
  return await server.ask(endpoint.method, `/${path}?${query}`, { body, headers });
}

describe('the examples of the document', () => {
  it('are given for every parameter, body and answer, and fit their schemas', () => {
    const schemas = makeSchemaCheck(document);
    for (const endpoint of listEndpoints(document)) {
      const { operationId, parameters = [], requestBody, responses } = endpoint.operation;
      for (const { name, schema, example } of parameters) {
        expect(schemas.check({ schema }, example), `${operationId} ${name}`).toBeUndefined();
      }
      const contents = [
        ...Object.values(requestBody?.content ?? {}),
        ...Object.values(responses).map(({ content }) => content?.['application/json']),
      ];
      for (const media of contents.filter((each) => each !== undefined)) {
        const examples = examplesOf(media);
        expect(examples, operationId).not.toEqual([]);
        for (const example of examples) {
          const wrong = schemas.check(media, example);
          expect(wrong, `${operationId} ${JSON.stringify(example)}`).toBeUndefined();
        }
      }
    }
  });

  it('show fields of every body that has any, and of its lists more than one item', () => {
    for (const endpoint of listEndpoints(document)) {
      const { operationId, requestBody } = endpoint.operation;
      const [media] = Object.values(requestBody?.content ?? {});
      if (media === undefined || EMPTY_IS_MEANT.includes(operationId)) continue;
      const shown = examplesOfBody(endpoint).flatMap((example) => Object.values(Object(example)));
      const hasFields = fieldsOf(resolveSchema(document, media.schema)).length > 0;
      expect(shown.length > 0, operationId).toBe(hasFields);
      for (const list of shown.filter((value) => Array.isArray(value))) {
        expect(list.length, `${operationId} ${JSON.stringify(list)}`).toBeGreaterThan(1);
      }
    }
  });

  it('are accepted by the server', async () => {
    for (const endpoint of listEndpoints(document)) {
      for (const example of examplesOfBody(endpoint)) {
        const body = hasForm(endpoint) ? await exampleToForm(example) : example;
        const { status, body: answer } = await askByExample(endpoint, body);
        const { operationId } = endpoint.operation;
        const allowed = STATE_NEEDED[operationId]?.includes(status) || (status >= 200 && status < 300);
        expect(allowed, `${operationId}: ${status} ${JSON.stringify(answer)}`).toBe(true);
      }
    }
  });
});

describe('what an operation does not know', () => {
  const unknown = (field: string) => ({ field, message: 'This field is not known here.' });

  it('is refused by name: a parameter', async () => {
    for (const endpoint of listEndpoints(document).filter((each) => !hasForm(each))) {
      const answer = await askByExample(endpoint, examplesOfBody(endpoint)[0], { colour: 'red' });
      expect(answer.body.error?.details, endpoint.operation.operationId).toEqual([unknown('colour')]);
      expect(answer.status).toBe(400);
    }
  });

  it('is refused by name: a field of a body, wherever it stands', async () => {
    for (const endpoint of listEndpoints(document).filter((each) => !hasForm(each))) {
      for (const body of examplesOfBody(endpoint)) {
        for (const [field, changed] of withUnknownField(body)) {
          const answer = await askByExample(endpoint, changed);
          expect(answer.status, `${endpoint.operation.operationId} ${field}`).toBe(400);
          expect(answer.body.error.details).toContainEqual(unknown(field));
        }
      }
    }
  });

  it('is refused by name: a part of a form', async () => {
    for (const endpoint of listEndpoints(document).filter(hasForm)) {
      const form = new FormData();
      form.append('colour', 'red');
      const answer = await askByExample(endpoint, form);
      expect(answer.status, endpoint.operation.operationId).toBe(400);
    }
  });

  it('is refused by name: a parameter of an operation that takes a form', async () => {
    for (const endpoint of listEndpoints(document).filter(hasForm)) {
      const form = new FormData();
      form.append('file', new Blob(['x']), 'x.txt');
      const answer = await askByExample(endpoint, form, { colour: 'red' });
      expect(answer.body.error.details).toEqual([unknown('colour')]);
    }
  });
});

/** Names of the fields that a body may have. */
function fieldsOf({ properties = {}, anyOf = [] }: Schema): readonly string[] {
  return [...Object.keys(properties), ...anyOf.flatMap(fieldsOf)];
}

/** The body once for each object in it, which has got a field `colour`; with the field's full name. */
function withUnknownField(body: unknown): readonly (readonly [string, unknown])[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return [];
  const inner = Object.entries(body).flatMap(([name, held]) =>
    withUnknownField(held).map(
      ([field, changed]) => [`${name}.${field}`, { ...body, [name]: changed }] as const,
    ),
  );
  return [['colour', { ...body, colour: 'red' }], ...inner];
}
