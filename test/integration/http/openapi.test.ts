import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
let document: AnswerBody;
beforeAll(async () => {
  server = await openTestServer();
  document = (await server.ask('GET', '//openapi.json', { key: null })).body;
});
afterAll(() => server[Symbol.asyncDispose]());

const OPEN = ['/health', '/ready'];

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: AnswerBody;
}

function operations(): Operation[] {
  return Object.entries<AnswerBody>(document.paths).flatMap(([path, item]) =>
    Object.entries<AnswerBody>(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Every `$ref` anywhere in the document. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, held]) =>
    key === '$ref' && typeof held === 'string' ? [held] : references(held),
  );
}

describe('the OpenAPI document', () => {
  it('is of version 3.1 with absolute paths', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.servers ?? []).toEqual([]);
    for (const { path } of operations()) {
      expect([...OPEN, '/metrics'].includes(path) || path.startsWith('/api/v1/whatsapp/')).toBe(true);
    }
  });

  it('says of every list how many items a page may have, and has unless it is asked', () => {
    const limits = operations().flatMap(({ operation }) =>
      (operation.parameters ?? []).filter(({ name }: { name: string }) => name === 'limit'),
    );
    expect(limits).toHaveLength(13);
    for (const { schema, required } of limits) {
      expect(schema).toMatchObject({ type: 'integer', minimum: 1, maximum: 100, default: 50 });
      expect(required ?? false).toBe(false);
    }
  });

  it('lists every route of the API, and no other', async () => {
    const listed = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(listed.toSorted()).toEqual(
      [
        'GET /health',
        'GET /ready',
        'GET /metrics',
        'POST /api/v1/whatsapp/connect',
        'GET /api/v1/whatsapp/webhooks',
        'POST /api/v1/whatsapp/webhooks',
        'GET /api/v1/whatsapp/webhooks/{webhookId}',
        'PATCH /api/v1/whatsapp/webhooks/{webhookId}',
        'DELETE /api/v1/whatsapp/webhooks/{webhookId}',
        'POST /api/v1/whatsapp/webhooks/{webhookId}/rotate-secret',
        'POST /api/v1/whatsapp/webhooks/{webhookId}/test',
        'GET /api/v1/whatsapp/webhooks/{webhookId}/deliveries',
        'POST /api/v1/whatsapp/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver',
        'POST /api/v1/whatsapp/webhooks/{webhookId}/redeliver',
        'GET /api/v1/whatsapp/pairing-code/{accountId}',
        'GET /api/v1/whatsapp/qr-code/{accountId}',
        'GET /api/v1/whatsapp/health/{accountId}',
        'POST /api/v1/whatsapp/reconnect/{accountId}',
        'POST /api/v1/whatsapp/disconnect/{accountId}',
        'GET /api/v1/whatsapp/accounts',
        'GET /api/v1/whatsapp/accounts/{accountId}',
        'PATCH /api/v1/whatsapp/accounts/{accountId}',
        'DELETE /api/v1/whatsapp/accounts/{accountId}',
        'POST /api/v1/whatsapp/accounts/{accountId}/messages',
        'GET /api/v1/whatsapp/accounts/{accountId}/messages',
        'POST /api/v1/whatsapp/accounts/{accountId}/messages/bulk',
        'POST /api/v1/whatsapp/accounts/{accountId}/campaigns',
        'GET /api/v1/whatsapp/accounts/{accountId}/campaigns',
        'GET /api/v1/whatsapp/campaigns/{campaignId}',
        'GET /api/v1/whatsapp/campaigns/{campaignId}/items',
        'POST /api/v1/whatsapp/campaigns/{campaignId}/pause',
        'POST /api/v1/whatsapp/campaigns/{campaignId}/resume',
        'POST /api/v1/whatsapp/campaigns/{campaignId}/cancel',
        'GET /api/v1/whatsapp/accounts/{accountId}/chats',
        'GET /api/v1/whatsapp/accounts/{accountId}/contacts',
        'GET /api/v1/whatsapp/accounts/{accountId}/usage',
        'POST /api/v1/whatsapp/messages/{messageId}/cancel',
        'POST /api/v1/whatsapp/accounts/{accountId}/media',
        'GET /api/v1/whatsapp/keys',
        'POST /api/v1/whatsapp/keys',
        'DELETE /api/v1/whatsapp/keys/{keyId}',
        'GET /api/v1/whatsapp/accounts/{accountId}/grants',
        'PUT /api/v1/whatsapp/accounts/{accountId}/grants/{userId}',
        'DELETE /api/v1/whatsapp/accounts/{accountId}/grants/{userId}',
        'GET /api/v1/whatsapp/audit',
        'GET /api/v1/whatsapp/instances',
        'DELETE /api/v1/whatsapp/instances/{instanceId}',
        'GET /api/v1/whatsapp/settings',
        'PATCH /api/v1/whatsapp/settings',
        'POST /api/v1/whatsapp/vault/verify',
        'POST /api/v1/whatsapp/vault/rotate',
        'POST /api/v1/whatsapp/vault/import',
        'POST /api/v1/whatsapp/accounts/{accountId}/vault/export',
        'POST /api/v1/whatsapp/accounts/{accountId}/vault/export/confirm',
        'GET /api/v1/whatsapp/messages/{messageId}',
        'GET /api/v1/whatsapp/messages/{messageId}/media',
        'POST /api/v1/whatsapp/messages/{messageId}/reaction',
      ].toSorted(),
    );
  });

  it('gives each operation an id, a summary, its parameters and its errors', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations()) {
      expect(operation.summary).toEqual(expect.any(String));
      const declared = (operation.parameters ?? [])
        .filter((parameter: AnswerBody) => parameter.in === 'path')
        .map((parameter: AnswerBody) => `{${parameter.name}}`);
      expect(declared).toEqual(path.match(/\{\w+\}/g) ?? []);
      const statuses = Object.keys(operation.responses);
      expect(statuses.some((status) => status.startsWith('2'))).toBe(true);
      if (!OPEN.includes(path))
        expect(statuses).toEqual(expect.arrayContaining(['400', '401', '403', '500']));
      for (const status of statuses)
        expect(operation.responses[status].description).toEqual(expect.any(String));
    }
  });

  it('demands a body where the server does, and nowhere else', async () => {
    const strangers: string[] = [];
    const bodied = operations().filter(({ operation }) => operation.requestBody !== undefined);
    for (const { path, method, operation } of bodied) {
      const url = `/${path.replace(/\{\w+\}/g, '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10')}`;
      const without = await server.ask(method.toUpperCase(), url);
      const empty = await server.ask(method.toUpperCase(), url, { body: {} });
      const isDemanded = operation.requestBody.required === true;
      if (isDemanded ? without.status < 400 : without.status !== empty.status) {
        strangers.push(`${method} ${path} ${without.status} ${empty.status}`);
      }
    }
    expect(strangers).toEqual([]);
    const open = bodied.filter(({ operation }) => operation.requestBody.required !== true);
    expect(open.map(({ operation }) => operation.operationId)).toEqual(
      expect.arrayContaining([
        'connect',
        'reconnect',
        'disconnect',
        'grantAccount',
        'testWebhook',
        'verifyVault',
      ]),
    );
  });

  it('tells the headers of answers', () => {
    for (const { operation } of operations()) {
      for (const [status, { headers }] of Object.entries<AnswerBody>(operation.responses)) {
        const names = Object.keys(headers);
        expect(names).toEqual(expect.arrayContaining(['X-Request-Id', 'RateLimit', 'RateLimit-Policy']));
        expect(names.includes('Retry-After')).toBe(status === '429');
        expect(names.includes('WWW-Authenticate')).toBe(status === '401');
      }
    }
    const exported = operations().find(({ operation }) => operation.operationId === 'exportVault');
    expect(exported?.operation.responses['200'].headers['X-Vault-Generation']).toMatchObject({
      description: expect.any(String),
      schema: { type: 'integer', minimum: 1 },
    });
  });

  it('refers only to what it holds', () => {
    const all = references(document);
    expect(all).toContain('#/components/schemas/Account');
    for (const reference of all) {
      const held = reference
        .slice(2)
        .split('/')
        .reduce((part: AnswerBody, name) => part?.[name], document);
      expect(held, reference).toBeDefined();
    }
  });

  it('says which operations need a key', () => {
    expect(Object.keys(document.components.securitySchemes)).toEqual(['bearer', 'apiKey']);
    expect(document.security).toEqual([{ bearer: [] }, { apiKey: [] }]);
    for (const { path, operation } of operations()) {
      expect(operation.security).toEqual(OPEN.includes(path) ? [] : undefined);
    }
  });

  it('describes the figures as text', () => {
    const { responses } = document.paths['/metrics'].get;
    expect(Object.keys(responses['200'].content)).toEqual(['text/plain']);
  });

  it('describes the file of an upload', () => {
    const { requestBody } = document.paths['/api/v1/whatsapp/accounts/{accountId}/media'].post;
    expect(requestBody.content['multipart/form-data'].schema.properties.file.format).toBe('binary');
  });
});

describe('Swagger UI', () => {
  it('is served to everyone and shows the document', async () => {
    const page = await server.ask('GET', '//docs', { key: null });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    const script = await server.ask('GET', '//docs/static/swagger-ui-bundle.js', { key: null });
    expect(script.status).toBe(200);
    expect((await server.ask('GET', '//docs/json', { key: null })).body.openapi).toBe('3.1.0');
  });

  it('is where the bare address leads to', async () => {
    const answer = await fetch(server.url, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/docs']);
    expect((await server.ask('GET', '//', { key: null })).status).toBe(200);
  });
});

describe('routes that the document lists', () => {
  it('are closed to those without a key, except for the probes', async () => {
    for (const { path, method } of operations()) {
      const url = `/${path.replace(/\{\w+\}/g, crypto.randomUUID())}`;
      const answer = await server.ask(method.toUpperCase(), url, { key: null });
      expect(answer.status, `${method} ${path}`).toBe(OPEN.includes(path) ? 200 : 401);
    }
  });
});
