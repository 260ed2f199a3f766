import { createHash } from 'node:crypto';
import { z } from 'zod';
import { findFieldProblems } from '../config/start-error.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { MediaSource, SendRequest } from '../messages/send-request.ts';
import { parseRecipient } from '../messages/whatsapp-key.ts';
import { idempotencyKeySchema } from './idempotency-header.ts';
import { MEDIA_TYPES } from './message-view.ts';
import { BODY_EXAMPLES } from './openapi-examples.ts';
import { contactSchema, locationSchema, mediaSchema, pollSchema } from './send-content.ts';
import { limitedText } from './text-schema.ts';

/** Characters of a text or a caption. */
const MAX_TEXT = 65_536;
const MAX_FILE_NAME = 255;
const MAX_REPLY_TO = 255;

/** What a message can consist of; exactly one of them. */
const CONTENT_FIELDS = ['text', 'media', 'mediaUrl', 'location', 'contact', 'poll'] as const;

/** Fields that go only with a file. */
const MEDIA_FIELDS = ['caption', 'fileName', 'mediaType'] as const;

/** The flat form's `mediaType`: a kind, or a MIME type, which only tells what the bytes tell better. */
const mediaTypeSchema = z
  .string()
  .refine((value) => isMediaType(value) || /^[\w.+-]+\/[\w.+-]+/.test(value), {
    error: `Use one of: ${MEDIA_TYPES.join(', ')}; or a MIME type.`,
  })
  .meta({
    description: 'What to send the file as; else it follows from its bytes.',
    pattern: `^(?:${MEDIA_TYPES.join('|')})$|^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+`,
    examples: [...MEDIA_TYPES],
  });

const fields = z.strictObject({
  to: z
    .string()
    .refine((value) => parseRecipient(value) !== undefined, {
      error: 'Use a phone number as + and 7 to 15 digits, or a chat id such as 491700000001@c.us.',
    })
    .meta({
      description: 'E.164, or a chat id.',
      pattern: '^\\s*(?:\\+[0-9]{7,15}|[A-Za-z0-9_.:-]{3,64}@(?:c\\.us|s\\.whatsapp\\.net|lid|g\\.us))\\s*$',
      examples: ['+491700000001'],
    }),
  text: limitedText(MAX_TEXT)
    .optional()
    .meta({ examples: ['Hello!'] }),
  media: mediaSchema.optional(),
  mediaUrl: z
    .url({ protocol: /^https?$/, error: 'Use an http:// or https:// address.' })
    .max(2_048, 'Use at most 2048 characters.')
    .optional()
    .meta({ description: 'The same as `media.url`.' }),
  mediaType: mediaTypeSchema.optional(),
  location: locationSchema.optional(),
  contact: contactSchema.optional(),
  poll: pollSchema.optional(),
  caption: limitedText(MAX_TEXT).optional().meta({ description: 'Only with media.' }),
  fileName: limitedText(MAX_FILE_NAME).optional().meta({ description: 'Only with media.' }),
  replyTo: limitedText(MAX_REPLY_TO).optional().meta({
    description:
      "A message of the account: our id, or WhatsApp's. One that still waits to be sent can be answered in its own chat alone.",
  }),
  onLimit: z.enum(['reject', 'defer']).default('reject').meta({
    description: 'At the daily limit: refuse the message, or keep it for the next day that has room.',
  }),
});

const contentCheck = z.superRefine(checkContent, {
  when: ({ value }) => typeof value === 'object' && value !== null,
});
/** The same for the document. */
const oneContent = CONTENT_FIELDS.map((field) =>
  field === 'media' || field === 'mediaUrl'
    ? { required: [field] }
    : { required: [field], not: { anyOf: MEDIA_FIELDS.map((each) => ({ required: [each] })) } },
);

/** The body of a send. Every problem is named at once, those between fields among them. */
export const sendBodySchema = fields.check(contentCheck).meta({
  id: 'SendMessage',
  oneOf: oneContent,
  [BODY_EXAMPLES]: [
    { to: '+491700000001', text: 'Your parcel is here.' },
    { to: '491700000001@c.us', media: { data: 'SGVsbG8h', mimeType: 'text/plain' }, fileName: 'hello.txt' },
    {
      to: '120363000000000001@g.us',
      poll: { question: 'Lunch?', options: ['Yes', 'No'] },
      onLimit: 'defer',
    },
    { to: '+491700000001', location: { latitude: 52.52, longitude: 13.405, name: 'Berlin' } },
    { to: '+491700000001', contact: { name: 'Alice', phoneNumber: '+491700000002' } },
  ],
});

/** One of many sends: the body of a send, and a key of its own. */
export const bulkItemSchema = fields
  .extend({
    idempotencyKey: idempotencyKeySchema
      .optional()
      .meta({ description: 'As the header `Idempotency-Key` of a single send.' }),
  })
  .check(contentCheck)
  .meta({ oneOf: oneContent });

/** A send of a campaign, which waits for a day that has room by itself. */
export const campaignItemSchema = fields
  .omit({ onLimit: true })
  .check(contentCheck)
  .meta({ id: 'CampaignItemBody', oneOf: oneContent });

export type SendBody = z.output<typeof fields>;
type SentBody = Omit<SendBody, 'onLimit'> & Partial<Pick<SendBody, 'onLimit'>>;

/** What the body asks for, in the words of the outbox. */
export function bodyToSendRequest(body: SentBody): SendRequest {
  const to = parseRecipient(body.to);
  if (to === undefined) throw new TypeError('The body was not checked.');
  return {
    to,
    content: bodyToContent(body),
    replyTo: body.replyTo ?? null,
    onLimit: body.onLimit ?? 'reject',
  };
}

/** The same error, about the fields as this body spells them: inside there is one name for an address, `media.url`. */
export function toErrorAsSpelled(thrown: unknown, { mediaUrl }: Pick<SendBody, 'mediaUrl'>): unknown {
  if (mediaUrl === undefined || !isAppError(thrown)) return thrown;
  const problems = findFieldProblems(thrown.details);
  if (problems.length === 0) return thrown;
  const { code, message, cause } = thrown;
  const details = problems.map((each) =>
    each.field === 'media.url' ? { ...each, field: 'mediaUrl' } : each,
  );
  return new AppError(code, { message, details, cause });
}

/** Equal for requests that ask for the same, whatever the order of their fields. */
export function requestToHash(request: SendRequest): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}

function bodyToContent(body: SentBody): SendRequest['content'] {
  const { text, location, contact, poll, mediaType } = body;
  if (text !== undefined) return { kind: 'text', text };
  if (location !== undefined) return { kind: 'location', ...location };
  if (contact !== undefined) return { kind: 'contact', ...contact };
  if (poll !== undefined) return { kind: 'poll', ...poll };
  return {
    kind: 'media',
    source: bodyToSource(body),
    caption: body.caption ?? null,
    fileName: body.fileName ?? null,
    as: mediaType !== undefined && isMediaType(mediaType) ? mediaType : null,
  };
}

function bodyToSource({ media, mediaUrl }: SentBody): MediaSource {
  if (mediaUrl !== undefined) return { from: 'url', url: mediaUrl };
  if (media === undefined) throw new TypeError('The body was not checked.');
  return media;
}

/** Runs beside the checks of the fields, so the value may still hold anything. */
function checkContent(value: object, context: z.core.$RefinementCtx): void {
  const body = value as Readonly<Record<string, unknown>>;
  const refuse = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message, input: body });
  const given = CONTENT_FIELDS.filter((field) => body[field] !== undefined);
  const rule = `Give exactly one of: ${CONTENT_FIELDS.join(', ')}.`;
  if (given.length === 0) refuse('text', rule);
  if (given.length > 1) for (const field of given) refuse(field, rule);
  const hasMedia = body.media !== undefined || body.mediaUrl !== undefined;
  for (const field of MEDIA_FIELDS) {
    if (body[field] !== undefined && !hasMedia) refuse(field, 'This field goes only with media.');
  }
}

function isMediaType(value: string): value is (typeof MEDIA_TYPES)[number] {
  return MEDIA_TYPES.some((type) => type === value);
}
