import { z } from 'zod';

/** What the document consists of, as far as headers go. */
type Node = Readonly<Record<string, unknown>>;

const HEADERS: Node = {
  'X-Request-Id': {
    description: 'Names the request in the log; the one that the request gave, if it gave a plain one.',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': {
    description: 'The limits that hold for the caller, where any do.',
    schema: { type: 'string' },
  },
  RateLimit: { description: 'What is left of them, and when there is more.', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
  'WWW-Authenticate': { description: 'How to say who asks.', schema: { type: 'string' } },
};

const ALWAYS: readonly string[] = ['X-Request-Id', 'RateLimit-Policy', 'RateLimit'];
const BY_STATUS: Readonly<Record<string, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
};

interface Response {
  readonly headers?: Readonly<Record<string, unknown>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Response>>;
}
export interface DocumentWithHeaders {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: Node;
}

/** The document with the headers that answers of each status may have, whatever their route. */
export function addHeaders<Document extends DocumentWithHeaders>(document: Document): Document {
  const addToResponse = (response: Response, status: string): Response => {
    const names = [...ALWAYS, ...(BY_STATUS[status] ?? [])];
    const common = names.map((name) => [name, { $ref: `#/components/headers/${name}` }]);
    return { ...response, headers: { ...Object.fromEntries(common), ...response.headers } };
  };
  const addToOperation = (operation: Operation): Operation => ({
    ...operation,
    responses: mapValues(operation.responses, addToResponse),
  });
  const paths = mapValues(document.paths ?? {}, (item) => mapValues(item, addToOperation));
  return { ...document, paths, components: { ...document.components, headers: HEADERS } };
}

interface OwnHeader {
  readonly description: string;
  readonly schema: z.ZodType;
}

/** A route's answers with their own headers, which zod's transformation leaves out, as @fastify/swagger takes them. */
export function keepOwnHeaders(
  made: Readonly<Record<string, object>>,
  given: Readonly<Record<string, unknown>>,
) {
  return mapValues(made, (response, status) => {
    const { headers } = (given[status] ?? {}) as { readonly headers?: Readonly<Record<string, OwnHeader>> };
    return headers === undefined ? response : { ...response, headers: mapValues(headers, toJsonHeader) };
  });
}

function toJsonHeader({ description, schema }: OwnHeader): Node {
  const { $schema: _, ...json } = z.toJSONSchema(schema);
  return { ...json, description };
}

function mapValues<Value, Result>(
  values: Readonly<Record<string, Value>>,
  map: (value: Value, name: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value, name)]));
}
