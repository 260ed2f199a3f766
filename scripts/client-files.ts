import { createHash } from 'node:crypto';
import type { OpenApiDocument } from './openapi-document.ts';

/**
 * What the client is made of: the document without the answers that are no success. The client throws those, all in one
 * form, so that they would be nine tenths of its types for nothing.
 */
export function documentToClientPart(document: OpenApiDocument): OpenApiDocument {
  return {
    ...document,
    paths: mapValues(document.paths, (item) =>
      mapValues(item, (operation) => ({
        ...operation,
        responses: Object.fromEntries(
          Object.entries(operation.responses).filter(([status]) => status.startsWith('2')),
        ),
      })),
    ),
  };
}

/** The file of the types, which says what it was made of, so that a drift is found without making it anew. */
export function makeTypesFile(types: string, document: OpenApiDocument): string {
  return `${typesFileHead(types, document)}${types}`;
}

/** True if the file was made of this document, and nobody has touched it since. */
export function isTypesFileCurrent(file: string, document: OpenApiDocument): boolean {
  const types = file.slice(file.indexOf(HEAD_END) + HEAD_END.length);
  return file === makeTypesFile(types, document);
}

/** The file that names the paths whose POST takes an Idempotency-Key. */
export function makeKeyedPathsFile(document: OpenApiDocument): string {
  const keyed = Object.entries(document.paths).filter(([, { post }]) =>
    post?.parameters?.some((parameter) => parameter.name.toLowerCase() === 'idempotency-key'),
  );
  const lines = keyed.map(([path]) => `  '${path}',\n`).join('');
  return `/** Paths whose POST takes an Idempotency-Key. ${NOT_BY_HAND} */
export const KEYED_PATHS: ReadonlySet<string> = new Set([
${lines}]);
`;
}

const NOT_BY_HAND = 'Made from the OpenAPI document by: npm run generate:client';
const HEAD_END = ' */\n\n';

function typesFileHead(types: string, document: OpenApiDocument): string {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  return `/**
 * What the HTTP API takes and answers. ${NOT_BY_HAND}
 * document ${digest(JSON.stringify(document))}
 * types ${digest(types)}
${HEAD_END}`;
}

function mapValues<In, Out>(
  record: Readonly<Record<string, In>>,
  convert: (value: In) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, convert(value)]));
}
