import { z } from 'zod';
import type { KeysetPosition, Page } from '../db/keyset.ts';
import { type CursorKind, cursorToPosition, positionToCursor } from './cursor.ts';

/** `{"success":true,"data":…}`. */
export function success<Data>(data: Data): { readonly success: true; readonly data: Data } {
  return { success: true, data };
}

/** The envelope of a list, with what leads to its next page. */
export function successPage<Item, View>({ items, next }: Page<Item>, toView: (item: Item) => View) {
  return {
    success: true as const,
    data: items.map(toView),
    count: items.length,
    nextCursor: next === null ? null : positionToCursor(next),
  };
}

/** Schema of a successful answer. */
export function dataOf<Data extends z.ZodType>(data: Data, description: string) {
  return z.object({ success: z.literal(true), data }).meta({ description });
}

/** Schema of a page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item, description: string) {
  return z
    .object({
      success: z.literal(true),
      data: z.array(item),
      count: z.int().meta({ description: 'Items in this answer.' }),
      nextCursor: z
        .string()
        .nullable()
        .meta({ description: 'For the next page; null at the end.', examples: [null] }),
    })
    .meta({ description });
}

const EXAMPLE_INSTANT = '2026-01-31T08:00:00.000000Z';
const EXAMPLE_CURSORS: Readonly<Record<CursorKind, string>> = {
  number: positionToCursor({ at: EXAMPLE_INSTANT, tie: '17' }),
  uuid: positionToCursor({ at: EXAMPLE_INSTANT, tie: '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10' }),
  chat: positionToCursor({ at: EXAMPLE_INSTANT, tie: '491700000001@c.us' }),
};

const NO_CURSOR = 'Use the nextCursor of the page before, unchanged.';

/** Digits alone: `Number` would also read `0x10` and ` 5`. */
function digitsToNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

/** The query parameters of a list of this kind. */
const pageQueryOf = (kind: CursorKind) => ({
  limit: z
    .preprocess(
      digitsToNumber,
      z
        .number('Expected a number from 1 to 100.')
        .int('Expected a whole number.')
        .min(1, 'Use 1 to 100.')
        .max(100, 'Use 1 to 100.'),
    )
    // Not `default`, which the document would not show of what is converted first.
    .prefault(50)
    .meta({ description: 'Items a page.' }),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, NO_CURSOR)
    .transform((text, context): KeysetPosition => {
      const position = cursorToPosition(text, kind);
      if (position !== undefined) return position;
      context.addIssue({ code: 'custom', message: NO_CURSOR });
      return z.NEVER;
    })
    .optional()
    .meta({
      description: 'The `nextCursor` of the page before, unchanged: nothing else is one.',
      example: EXAMPLE_CURSORS[kind],
    }),
});

/** The query parameters of lists whose rows are numbered, have UUIDs, or are ordered by the ids of chats. */
export const pageQuery = pageQueryOf('number');
export const uuidPageQuery = pageQueryOf('uuid');
export const chatPageQuery = pageQueryOf('chat');

const errorSchema = z
  .object({
    success: z.literal(false),
    error: z.object({
      code: z.string().meta({ examples: ['VALIDATION_FAILED'] }),
      message: z.string(),
      details: z
        .unknown()
        .optional()
        .meta({
          description: 'For VALIDATION_FAILED: every field that is wrong, as `{field, message}`.',
          examples: [[{ field: 'to', message: 'This field is required.' }]],
        }),
      requestId: z.string().meta({ description: 'Also in the header X-Request-Id; names the log lines.' }),
    }),
  })
  .meta({ id: 'Error', description: 'Every answer that is no success.' });

const DESCRIPTIONS = {
  400: 'The request is not valid; every field is named.',
  401: 'No valid API key or token was given.',
  403: 'The role, or the scopes of the key, lack the permission.',
  404: 'It does not exist, or not for this key.',
  409: 'It does not fit the state of what is named, or the Idempotency-Key.',
  413: 'The request or the media is too large.',
  415: 'The Content-Type or the kind of media is not supported.',
  422: 'The media could not be had.',
  429: 'Too many requests, or the daily limit is used up; see Retry-After.',
  500: 'A fault inside Switchboard.',
  503: 'Switchboard cannot do it right now.',
} as const;

type ErrorStatus = keyof typeof DESCRIPTIONS;

/** What every route with a permission may answer. */
const ALWAYS = [400, 401, 403, 429, 500, 503] as const satisfies readonly ErrorStatus[];

/** Schemas of a route's errors: those that each route has, and these. */
export function errorsOf(...statuses: ErrorStatus[]): Record<number, ResponseSchema> {
  return errorsOfOpen(...ALWAYS, ...statuses);
}

/** Schemas of the errors of a route that needs no key. */
export function errorsOfOpen(...statuses: ErrorStatus[]): Record<number, ResponseSchema> {
  const entries = statuses.map((status) => [
    status,
    { description: DESCRIPTIONS[status], content: { 'application/json': { schema: errorSchema } } },
  ]);
  return Object.fromEntries(entries);
}

interface ResponseSchema {
  readonly description: string;
  readonly content: { readonly 'application/json': { readonly schema: z.ZodType } };
}

/** Parameter of the path; whether it names an account is looked up, and what is no UUID names none. */
export const accountParams = z.object({
  accountId: z.string().meta({ description: 'Id of the account.', format: 'uuid' }),
});

export const messageParams = z.object({
  messageId: z.string().meta({ description: 'Our id of the message.', format: 'uuid' }),
});

export const campaignParams = z.object({
  campaignId: z.string().meta({ description: 'Id of the campaign.', format: 'uuid' }),
});

/** A query without parameters: what is not known is refused by name. */
export const noQuery = z.strictObject({});

/** The body of a route that needs none: nothing, or an empty object. */
export const noBody = z.strictObject({}).nullish();
