import { ERROR_CATALOGUE, type ErrorCode } from '../lib/errors.ts';

/** What the document consists of, as far as examples go. */
type Node = Readonly<Record<string, unknown>>;

/** The keyword under which the schema of a body keeps its examples where zod would drop `examples`: it transforms the body. */
export const BODY_EXAMPLES = 'x-body-examples';

const UUID = '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10';

const TEXT_BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: UUID,
  'date-time': '2026-01-31T08:00:00.000Z',
  date: '2026-01-31',
  uri: 'https://example.com/invoice.pdf',
  password: 'a sentence that nobody else would say',
  binary: '(the bytes of the file)',
};

/** Bodies and answers that have examples; of a form, an object of its parts. */
const WITH_EXAMPLES: readonly string[] = ['application/json', 'multipart/form-data'];

/** The error that stands for all of its status. */
const CODE_BY_STATUS: Readonly<Record<string, ErrorCode>> = {
  400: 'VALIDATION_FAILED',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'ACCOUNT_NOT_FOUND',
  409: 'ACCOUNT_NOT_CONNECTED',
  413: 'TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA',
  422: 'MEDIA_UNAVAILABLE',
  429: 'RATE_LIMIT_EXCEEDED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

const DETAILS_BY_STATUS: Readonly<Record<string, unknown>> = {
  400: [{ field: 'colour', message: 'This field is not known here.' }],
  429: { retryAfterSeconds: 12 },
};

/**
 * The document with an example for every parameter, form, and body and answer in JSON that has none of its own. They are
 * put together from the schemas: what a field gives as its example, else its first choice, else a plain value of its type.
 */
export function addExamples(document: Node): Node {
  const resolve = makeResolve(document);
  const exampleOf = makeExampleOf(resolve);
  const addToContent = (status: string | null) => (content: Node) =>
    mapValues(content, (media, type) => {
      if (!WITH_EXAMPLES.includes(type) || 'example' in media || 'examples' in media) return media;
      const bodies = asList(resolve(asNode(media.schema))[BODY_EXAMPLES]);
      if (bodies.length > 0) return { ...media, examples: toNamed(bodies) };
      return { ...media, example: exampleOfError(status) ?? exampleOf(asNode(media.schema)) };
    });
  const addToOperation = (operation: Node): Node => ({
    ...operation,
    ...mapPart(operation, 'parameters', (parameters) => asList(parameters).map(addToParameter)),
    ...mapPart(operation, 'requestBody', (body) => ({
      ...asNode(body),
      ...mapPart(asNode(body), 'content', (content) => addToContent(null)(asNode(content))),
    })),
    ...mapPart(operation, 'responses', (responses) =>
      mapValues(asNode(responses), (response, status) => ({
        ...response,
        ...mapPart(response, 'content', (content) => addToContent(status)(asNode(content))),
      })),
    ),
  });
  const addToParameter = (parameter: Node): Node =>
    'example' in parameter ? parameter : { ...parameter, example: exampleOf(asNode(parameter.schema)) };
  const addToItems = (items: unknown) => mapValues(asNode(items), (item) => mapValues(item, addToOperation));
  return {
    ...document,
    ...mapPart(document, 'paths', addToItems),
    ...mapPart(document, 'webhooks', addToItems),
  };
}

function exampleOfError(status: string | null): unknown {
  const code = CODE_BY_STATUS[status ?? ''];
  if (status === null || code === undefined) return undefined;
  const details = DETAILS_BY_STATUS[status];
  const { message } = ERROR_CATALOGUE[code];
  return {
    success: false,
    error: { code, message, ...(details === undefined ? {} : { details }), requestId: UUID },
  };
}

/** Makes the function that finds what a reference names. */
function makeResolve(document: Node): (schema: Node) => Node {
  const schemas = asNode(asNode(document.components).schemas);
  const resolve = (schema: Node): Node =>
    typeof schema.$ref === 'string' ? resolve(asNode(schemas[schema.$ref.split('/').at(-1) ?? ''])) : schema;
  return resolve;
}

function toNamed(examples: readonly unknown[]): Node {
  return Object.fromEntries(examples.map((value, index) => [`example${index + 1}`, { value }]));
}

/** Makes the function that finds or puts together the example of a schema. */
function makeExampleOf(resolve: (schema: Node) => Node): (schema: Node) => unknown {
  const exampleOf = (asked: Node): unknown => {
    const schema = resolve(asked);
    const given = asList(schema.examples);
    if (given.length > 0) return given[0];
    for (const name of ['example', 'default', 'const']) if (name in schema) return schema[name];
    if (Array.isArray(schema.enum)) return schema.enum[0];
    if (schema.properties !== undefined) return exampleOfObject(schema, exampleOf);
    const [alternative] = [...asList(schema.anyOf), ...asList(schema.oneOf)];
    if (alternative !== undefined) return exampleOf(asNode(alternative));
    return plainValue(schema, exampleOf);
  };
  return exampleOf;
}

/** What the object must have; of fields that exclude each other, the first choice. */
function exampleOfObject(schema: Node, exampleOf: (schema: Node) => unknown): unknown {
  const [choice] = asList(schema.oneOf);
  const required = [...asList(schema.required), ...asList(choice?.required)].map(String);
  const fields = Object.entries(asNode(schema.properties)).filter(([name]) => required.includes(name));
  return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(asNode(field))]));
}

function plainValue(schema: Node, exampleOf: (schema: Node) => unknown): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'array':
      return [exampleOf(asNode(schema.items))];
    case 'string':
      return TEXT_BY_FORMAT[String(schema.format)] ?? 'text';
    case 'integer':
    case 'number':
      return Math.max(Number(schema.minimum ?? 0), 0);
    case 'boolean':
      return true;
    case 'object':
      return {};
    default:
      return null;
  }
}

function mapPart(node: Node, name: string, change: (part: unknown) => unknown): Node {
  return name in node ? { [name]: change(node[name]) } : {};
}

function mapValues(node: Node, change: (value: Node, name: string) => Node): Node {
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, change(asNode(value), name)]));
}

function asNode(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}

function asList(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value : [];
}
