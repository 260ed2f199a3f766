import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import {
  documentToClientPart,
  isTypesFileCurrent,
  makeKeyedPathsFile,
} from '../../../scripts/client-files.ts';
import { makeOpenApiDocument, type OpenApiDocument } from '../../../scripts/openapi-document.ts';

const REMEDY = 'Make it anew with: npm run generate:client';

let document: OpenApiDocument;
beforeAll(async () => {
  document = documentToClientPart(await makeOpenApiDocument());
}, 30_000);

const read = (name: string) => readFile(join(import.meta.dirname, '../../../src/client', name), 'utf8');

it('the types of the client are of the document that the server builds, as they were made', async () => {
  const file = await read('openapi.ts');
  expect(isTypesFileCurrent(file, document), REMEDY).toBe(true);
  expect(isTypesFileCurrent(file.replace('delivered', 'arrived'), document)).toBe(false);
  expect(isTypesFileCurrent(file, { ...document, paths: {} })).toBe(false);
});

it('the client knows which requests take an Idempotency-Key', async () => {
  expect(await read('keyed-paths.ts'), REMEDY).toBe(makeKeyedPathsFile(document));
  expect(makeKeyedPathsFile(document)).toContain("'/api/v1/whatsapp/accounts/{accountId}/messages'");
});
