import { z } from 'zod';
import { parseMimeType } from '../messages/media-mime.ts';
import type { MessageContact, MessageLocation, MessagePoll } from '../messages/message.ts';
import type { MediaSource } from '../messages/send-request.ts';
import { limitedText, phoneNumberSchema } from './text-schema.ts';

/** Fields of which exactly one must be given; the problem is named at the first, or at those that are too many. */
function checkOneOf(names: readonly string[]) {
  const rule = `Give exactly one of: ${names.join(', ')}.`;
  return (value: object, context: z.core.$RefinementCtx): void => {
    const given = names.filter((name) => (value as Readonly<Record<string, unknown>>)[name] !== undefined);
    if (given.length === 1) return;
    for (const name of given.length === 0 ? names.slice(0, 1) : given) {
      context.addIssue({ code: 'custom', path: [name], message: rule, input: value });
    }
  };
}

const isObject = { when: ({ value }: { value: unknown }) => typeof value === 'object' && value !== null };

/** Where the file comes from. */
export const mediaSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'Use an http:// or https:// address.' })
      .max(2_048, 'Use at most 2048 characters.')
      .optional(),
    data: z.string().min(1, 'Give the bytes in base64.').optional().meta({
      description: 'The bytes in base64; at most 16 MB of them.',
      contentEncoding: 'base64',
    }),
    mimeType: limitedText(128)
      .optional()
      .meta({
        description: 'The type of `data`, as type/subtype.',
        pattern: '^\\s*[A-Za-z0-9][A-Za-z0-9_.+-]*/[A-Za-z0-9][A-Za-z0-9_.+-]*',
        examples: ['image/jpeg'],
      }),
    mediaId: z
      .string()
      .min(1, 'Use the mediaId of an upload.')
      .max(64, 'Use the mediaId of an upload.')
      .optional(),
  })
  .check(z.superRefine(checkOneOf(['url', 'data', 'mediaId']), isObject))
  .check(z.superRefine(checkMimeType, isObject))
  .meta({
    oneOf: [
      { required: ['url'], not: { required: ['mimeType'] } },
      { required: ['data', 'mimeType'] },
      { required: ['mediaId'], not: { required: ['mimeType'] } },
    ],
  })
  .transform(({ url, data, mimeType, mediaId }): MediaSource => {
    if (url !== undefined) return { from: 'url', url };
    if (mediaId !== undefined) return { from: 'upload', mediaId };
    return { from: 'data', data: data ?? '', mimeType: mimeType ?? '' };
  });

export const locationSchema = z
  .strictObject({
    latitude: z.number().min(-90, 'Use -90 to 90.').max(90, 'Use -90 to 90.'),
    longitude: z.number().min(-180, 'Use -180 to 180.').max(180, 'Use -180 to 180.'),
    name: limitedText(1_000).optional(),
    address: limitedText(1_000).optional(),
  })
  .meta({ examples: [{ latitude: 52.52, longitude: 13.405, name: 'Berlin' }] })
  .transform((location): MessageLocation => location);

export const contactSchema = z
  .strictObject({
    name: limitedText(255),
    phoneNumber: phoneNumberSchema.optional(),
    vcard: limitedText(65_536)
      .refine((text) => /^BEGIN:VCARD\r?$/im.test(text) && /^END:VCARD\r?$/im.test(text), {
        error: 'Give a whole vCard, from BEGIN:VCARD to END:VCARD.',
      })
      .optional(),
  })
  .check(z.superRefine(checkOneOf(['phoneNumber', 'vcard']), isObject))
  .meta({
    oneOf: [{ required: ['phoneNumber'] }, { required: ['vcard'] }],
    examples: [{ name: 'Alice', phoneNumber: '+491700000001' }],
  })
  .transform(({ name, phoneNumber, vcard }): MessageContact => {
    return { name, vcard: vcard ?? phoneNumberToVcard(name, phoneNumber ?? '') };
  });

export const pollSchema = z
  .strictObject({
    question: limitedText(255),
    options: z
      .array(limitedText(100))
      .min(2, 'Give 2 to 12 options.')
      .max(12, 'Give 2 to 12 options.')
      .refine((options) => new Set(options).size === options.length, { error: 'Give each option once.' })
      .meta({ uniqueItems: true }),
    multipleAnswers: z.boolean().default(false),
  })
  .meta({ examples: [{ question: 'Lunch?', options: ['Yes', 'No'] }] })
  .transform((poll): MessagePoll => poll);

/** The smallest card that phones show with a name and a button to write. */
export function phoneNumberToVcard(name: string, phoneNumber: string): string {
  const escaped = name.replace(/[\\;,]/g, (character) => `\\${character}`).replace(/\r?\n|\r/g, '\\n');
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${escaped};;;`,
    `FN:${escaped}`,
    `TEL;type=CELL;type=VOICE;waid=${phoneNumber.slice(1)}:${phoneNumber}`,
    'END:VCARD',
  ].join('\n');
}

function checkMimeType(value: object, context: z.core.$RefinementCtx): void {
  const { data, mimeType } = value as Readonly<Record<string, unknown>>;
  const refuse = (message: string) =>
    context.addIssue({ code: 'custom', path: ['mimeType'], message, input: value });
  if (mimeType === undefined) {
    if (data !== undefined) refuse('This field is required with data.');
  } else if (data === undefined) {
    refuse('This field goes only with data.');
  } else if (typeof mimeType === 'string' && mimeType !== '' && parseMimeType(mimeType) === undefined) {
    refuse('Use a MIME type as type/subtype, such as image/jpeg.');
  }
}
