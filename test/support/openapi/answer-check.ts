import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { MediaType, OpenApiDocument, Operation } from './document.ts';

/** An answer as it came. */
export interface GivenAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** Tells what is wrong with an answer by what the document says of its operation; undefined if nothing is. */
export type AnswerCheck = (operation: Operation, answer: GivenAnswer) => string | undefined;

/** Checks values by schemas of the document. */
export interface SchemaCheck {
  /** What is wrong with the value; undefined if nothing is. */
  check(media: MediaType, value: unknown): string | undefined;
}

export function makeSchemaCheck(document: OpenApiDocument): SchemaCheck {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'document', ...document });
  const compiled = new Map<MediaType, ValidateFunction>();
  return {
    check(media, value) {
      const validate = compiled.get(media) ?? ajv.compile(toAbsolute(media.schema) as object);
      compiled.set(media, validate);
      return validate(value) ? undefined : ajv.errorsText(validate.errors);
    },
  };
}

export function makeAnswerCheck(document: OpenApiDocument): AnswerCheck {
  const schemas = makeSchemaCheck(document);
  return ({ responses }, { status, contentType, body }) => {
    const response = responses[String(status)];
    if (response === undefined) return `status ${status} is not in the document`;
    if (body.length === 0) return undefined;
    const type = contentType?.split(';', 1)[0] ?? '';
    const media = response.content?.[type] ?? response.content?.['*/*'];
    if (media === undefined) return `${type} is not in the document for ${status}`;
    if (type !== 'application/json' || response.content?.[type] === undefined) return undefined;
    return schemas.check(media, JSON.parse(body.toString('utf8')));
  };
}

/** The schema with its references into the document under the name that it has here. */
function toAbsolute(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toAbsolute);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, held]) => [
      name,
      name === '$ref' && typeof held === 'string' ? `document${held}` : toAbsolute(held),
    ]),
  );
}
