import fc, { type Arbitrary } from 'fast-check';
import {
  type Endpoint,
  findBodySchema,
  isMultipart,
  type OpenApiDocument,
  type Parameter,
} from './document.ts';
import { fittingValue } from './fitting-value.ts';
import { hostileText, MADE_UP_CURSORS, strangeName } from './hostile-value.ts';
import { jsonMutation, plantJson } from './json-mutation.ts';

/** A request before it is sent. What only the run knows (ids, keys) is named. */
export interface RequestDraft {
  readonly endpoint: Endpoint;
  readonly method: string;
  /** Whose credentials it bears, or the text that stands for them. */
  readonly key: 'owner' | 'viewer' | 'stranger' | 'none' | { readonly text: string };
  /** By parameter: which of the run's ids, or a text. */
  readonly path: Readonly<Record<string, number | string>>;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly json: unknown } | { readonly bytes: Uint8Array } | undefined;
}

type Mutation = (draft: RequestDraft) => RequestDraft;

const BOUNDARY = 'xXfuzzXx';

/** Requests of all operations, some of them valid, most of them not quite. */
export function requestDrafts(
  document: OpenApiDocument,
  endpoints: readonly Endpoint[],
): Arbitrary<RequestDraft> {
  const valid = fc.oneof(...endpoints.map((endpoint) => validDraft(document, endpoint)));
  return fc
    .tuple(valid, fc.array(mutation, { maxLength: 3 }))
    .map(([draft, mutations]) => mutations.reduce((made, mutate) => mutate(made), draft));
}

function validDraft(document: OpenApiDocument, endpoint: Endpoint): Arbitrary<RequestDraft> {
  const { parameters = [] } = endpoint.operation;
  const of = (place: Parameter['in']) => parameters.filter((parameter) => parameter.in === place);
  const textOf = (parameter: Parameter) =>
    parameter.name === 'cursor'
      ? cursorText(parameter)
      : fittingValue(document, parameter.schema).map(String);
  const record = (place: Parameter['in']) =>
    fc.record(Object.fromEntries(of(place).map((each) => [each.name, textOf(each)])), { requiredKeys: [] });
  const path = fc.record(Object.fromEntries(of('path').map(({ name }) => [name, fc.nat({ max: 20 })])));
  return fc
    .tuple(path, record('query'), record('header'), validBody(document, endpoint))
    .map(([ids, query, headers, { body, type }]) => ({
      endpoint,
      method: endpoint.method,
      key: 'owner',
      path: ids,
      query: Object.entries(query).map(([name, value]) => [name, value ?? ''] as const),
      headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) } as Record<
        string,
        string
      >,
      body,
    }));
}

/** The documented one, which a list may have handed out, and others that decode to nearly the same. */
function cursorText({ schema, example = schema.example }: Parameter): Arbitrary<string> {
  const given = String(example);
  const decoded = Buffer.from(given, 'base64url').toString('utf8');
  const changed = fc
    .tuple(fc.nat({ max: decoded.length - 1 }), fc.constantFrom(...'0123456789-: Zab@.\u0000'))
    .map(([at, character]) => decoded.slice(0, at) + character + decoded.slice(at + 1))
    .map((text) => Buffer.from(text).toString('base64url'));
  return fc.oneof({ weight: 2, arbitrary: fc.constant(given) }, fc.constantFrom(...MADE_UP_CURSORS), changed);
}

interface DraftBody {
  readonly body: RequestDraft['body'];
  readonly type?: string;
}

function validBody(document: OpenApiDocument, { operation }: Endpoint): Arbitrary<DraftBody> {
  const schema = findBodySchema(operation);
  if (schema !== undefined)
    return fittingValue(document, schema).map((json) => ({ body: { json }, type: 'application/json' }));
  if (!isMultipart(operation)) return fc.constant({ body: undefined });
  const type = `multipart/form-data; boundary=${BOUNDARY}`;
  return formBytes.map((bytes) => ({ body: { bytes }, type }));
}

const partHead = fc.oneof(
  fc.constantFrom(
    'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain',
    'Content-Disposition: form-data; name="passphrase"',
    'Content-Disposition: form-data; name="other"',
    'Content-Disposition: form-data; name="__proto__"',
    'Content-Disposition: form-data; name="file"; filename*=UTF-8\'\'%ff%00',
    'Content-Disposition: form-data',
    'Content-Type: text/plain',
    '',
  ),
  hostileText.map((text) => `Content-Disposition: form-data; name="file"; filename="${text}"`),
);

/** Forms: whole, cut off, with parts too many and parts without a name. */
const formBytes: Arbitrary<Uint8Array> = fc
  .tuple(
    fc.array(fc.tuple(partHead, hostileText), { maxLength: 3 }),
    fc.constantFrom(`--${BOUNDARY}--\r\n`, `--${BOUNDARY}\r\n`, '--', ''),
  )
  .map(([parts, end]) => {
    const text = parts.map(([head, body]) => `--${BOUNDARY}\r\n${head}\r\n\r\n${body}\r\n`).join('');
    return Buffer.from(text + end, 'utf8');
  });

/** What may stand in a header's value by HTTP. */
const headerText = hostileText.map((text) =>
  text
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
    .slice(0, 2_000)
    .trim(),
);

const withHeader =
  (name: string, value: string): Mutation =>
  (draft) => ({
    ...draft,
    headers: { ...draft.headers, [name]: value },
  });

const brokenJson = fc.oneof(
  fc.constantFrom(
    '{',
    '[1,',
    '{"a":}',
    '\ufeff{}',
    '{}{}',
    'undefined',
    "{'a':1}",
    '{"a":1,}',
    '"',
    '\u0000',
    '['.repeat(50_000),
  ),
  fc.string({ unit: 'binary', maxLength: 200 }),
);

const mutation: Arbitrary<Mutation> = fc.oneof(
  {
    weight: 6,
    arbitrary: jsonMutation.map(
      (mutate): Mutation =>
        (draft) =>
          draft.body !== undefined && 'json' in draft.body
            ? { ...draft, body: { json: mutate(draft.body.json) } }
            : draft,
    ),
  },
  {
    weight: 2,
    arbitrary: brokenJson.map(
      (text): Mutation =>
        (draft) => ({
          ...withHeader('content-type', 'application/json')(draft),
          body: { bytes: Buffer.from(text) },
        }),
    ),
  },
  fc.tuple(fc.nat(), fc.constantFrom(60, 70, 100_000)).map(
    ([pick, depth]): Mutation =>
      (draft) => {
        if (draft.body === undefined || !('json' in draft.body)) return draft;
        const text = plantJson(draft.body.json, pick, `${'['.repeat(depth)}${']'.repeat(depth)}`);
        return { ...draft, body: { bytes: Buffer.from(text) } };
      },
  ),
  fc.uint8Array({ maxLength: 300 }).map(
    (bytes): Mutation =>
      (draft) => ({ ...draft, body: { bytes } }),
  ),
  fc
    .constantFrom(
      'text/plain',
      'application/xml',
      'application/json; charset=utf-16',
      'application/json;;;',
      'application/vnd.api+json',
      'multipart/form-data',
      'multipart/form-data; boundary=',
      `multipart/form-data; boundary=${BOUNDARY}`,
      'application/x-www-form-urlencoded',
      'nonsense',
      '',
    )
    .map((type) => withHeader('content-type', type)),
  {
    weight: 3,
    arbitrary: fc.tuple(strangeName, hostileText).map(
      ([name, value]): Mutation =>
        (draft) => ({ ...draft, query: [...draft.query, [name, value.slice(0, 300)]] }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(), hostileText).map(
      ([pick, value]): Mutation =>
        (draft) => {
          const known = (draft.endpoint.operation.parameters ?? []).filter(
            (parameter) => parameter.in === 'query',
          );
          const name = known[pick % Math.max(known.length, 1)]?.name ?? 'limit';
          // In its place: given twice, it would be refused for that alone.
          const others = draft.query.filter(([given]) => given !== name);
          return { ...draft, query: [...others, [name, value.slice(0, 300)]] };
        },
    ),
  },
  {
    weight: 2,
    arbitrary: hostileText.map(
      (text): Mutation =>
        (draft) => ({
          ...draft,
          path: Object.fromEntries(Object.keys(draft.path).map((name) => [name, text.slice(0, 200)])),
        }),
    ),
  },
  fc
    .tuple(
      fc.constantFrom(
        'idempotency-key',
        'accept',
        'x-request-id',
        'content-encoding',
        'range',
        'if-none-match',
        'origin',
        'accept-encoding',
        'cookie',
        'x-forwarded-for',
        'x-http-method-override',
      ),
      headerText,
    )
    .map(([name, value]) => withHeader(name, value)),
  fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND').map(
    (method): Mutation =>
      (draft) => ({ ...draft, method }),
  ),
  fc
    .oneof(
      fc.constantFrom<RequestDraft['key']>('viewer', 'stranger', 'none'),
      headerText.map((text) => ({ text })),
    )
    .map(
      (key): Mutation =>
        (draft) => ({ ...draft, key }),
    ),
);
