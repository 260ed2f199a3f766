import fc, { type Arbitrary } from 'fast-check';
import { type OpenApiDocument, resolveSchema, type Schema } from './document.ts';

/** Addresses that the guard refuses without asking anybody. */
const URLS = ['http://127.0.0.1:1/a.jpg', 'https://localhost/a.pdf'];

/** Values that fit a schema, as far as the schema tells; its examples are among them. */
export function fittingValue(document: OpenApiDocument, given: Schema): Arbitrary<unknown> {
  const schema = resolveSchema(document, given);
  const made = madeOf(document, schema);
  return schema.examples === undefined || schema.examples.length === 0
    ? made
    : fc.oneof(fc.constantFrom(...schema.examples), made);
}

function madeOf(document: OpenApiDocument, schema: Schema): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.properties !== undefined) return objectOf(document, schema);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined)
    return fc.oneof(...alternatives.map((each) => fittingValue(document, each)));
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  return types.length === 0
    ? fc.jsonValue()
    : fc.oneof(...types.map((type) => typed(document, type, schema)));
}

function typed(document: OpenApiDocument, type: string, schema: Schema): Arbitrary<unknown> {
  const { minimum, maximum } = schema;
  switch (type) {
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.oneof(
        fc.constantFrom(minimum ?? 0, maximum ?? 1_000),
        fc.integer({ min: Math.max(minimum ?? 0, -(2 ** 31)), max: Math.min(maximum ?? 1_000, 2 ** 31 - 1) }),
      );
    case 'number':
      return fc.double({ min: minimum ?? -1e6, max: maximum ?? 1e6, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(fittingValue(document, schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, 20),
      });
    default:
      return fc.constant({});
  }
}

function textOf({ pattern, format, minLength = 0, maxLength }: Schema): Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  switch (format) {
    case 'uuid':
      return fc.uuid();
    case 'date-time':
      return fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
        .map((at) => at.toISOString());
    case 'date':
      return fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
        .map((at) => at.toISOString().slice(0, 10));
    case 'uri':
      return fc.constantFrom(...URLS);
    default:
      return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength ?? 40, minLength + 40) });
  }
}

/** An object with what it must have, and some of what it may; of fields that exclude each other, one choice of them. */
function objectOf(document: OpenApiDocument, schema: Schema): Arbitrary<unknown> {
  const { properties = {}, required = [], oneOf } = schema;
  const choices = oneOf?.map((each) => each.required ?? []) ?? [[]];
  const banned = oneOf?.map(bannedBy) ?? [[]];
  const exclusive = new Set(choices.flat());
  return fc.oneof(
    ...choices.map((choice, nth) => {
      const fields = Object.entries(properties).filter(
        ([name]) => choice.includes(name) || !(exclusive.has(name) || banned[nth]?.includes(name)),
      );
      const must = new Set([...required, ...choice]);
      return fc.record(
        Object.fromEntries(fields.map(([name, field]) => [name, fittingValue(document, field)])),
        {
          requiredKeys: fields.map(([name]) => name).filter((name) => must.has(name)),
        },
      );
    }),
  );
}

/** Fields that may not be there. */
function bannedBy({ not }: Schema): readonly string[] {
  return [not ?? {}, ...(not?.anyOf ?? [])].flatMap(({ required = [] }) => required);
}
