import { z } from 'zod';
import { isPhoneNumber } from '../messages/whatsapp-key.ts';

/** A text of 1 to `max` characters (code points, as JSON Schema counts them). */
export function limitedText(max: number) {
  return z
    .string()
    .min(1, 'Give at least one character.')
    .refine((text) => text.length <= max || [...text].length <= max, {
      error: `Use at most ${max} characters.`,
    })
    .meta({ maxLength: max });
}

/** A phone number as E.164; whether it exists is not ours to judge. */
export const phoneNumberSchema = z
  .string()
  .refine(isPhoneNumber, { error: 'Use + and 7 to 15 digits.' })
  .meta({ pattern: '^\\+\\d{7,15}$', examples: ['+491700000001'] });

/** The id of a chat or a person, of whatever kind: a user, a group, a channel, a LID. */
export const CHAT_ID = /^[\w.:-]{1,128}@[\w.]{1,32}$/;

export const chatIdSchema = z
  .string()
  .regex(CHAT_ID, 'Use a chat id such as 491700000001@c.us.')
  .meta({ examples: ['491700000001@c.us'] });

/** Who a user of the host application is to it: the `sub` of a token, or what stands in its place. */
export const userIdSchema = z
  .string()
  .refine((text) => /^[^\p{Cc}]{1,255}$/u.test(text) && text.trim() === text && text.isWellFormed(), {
    error: 'Use 1 to 255 characters, none of them a control character, no space around them.',
  })
  .meta({ minLength: 1, maxLength: 255 });

/** In a query, a + that was not escaped arrives as a space. */
export function plusFromQuery(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(' ') ? `+${value.slice(1)}` : value;
}

/** A time zone by its IANA name; offsets are none, since PostgreSQL reads their sign the other way. */
export const timezoneSchema = z
  .string()
  .max(64, 'Use an IANA name such as Europe/Berlin.')
  .refine(isTimezoneName, { error: 'Use an IANA name such as Europe/Berlin.' })
  .meta({ pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$', examples: ['Europe/Berlin'] });

/** Outgoing messages a day. */
export const dailyLimitSchema = z
  .int('Expected a whole number.')
  .min(1, 'Use 1 to 1,000,000.')
  .max(1_000_000, 'Use 1 to 1,000,000.');

export const displayNameSchema = limitedText(100).meta({ examples: ['Front desk'] });

function isTimezoneName(value: string): boolean {
  if (!/^[A-Za-z]/.test(value)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

/** An instant: ISO 8601 with a zone, or a date, which means its first moment in UTC. */
export const instantSchema = z
  .string()
  .refine(isInstant, { error: 'Use ISO 8601 with a time zone, such as 2026-01-31T08:00:00Z.' })
  .meta({ format: 'date-time' })
  .transform((text) => new Date(text.toUpperCase()));

/** The same in a query, where a + that was not escaped arrives as a space. */
export const instantFromQuery = z.preprocess(
  (value) => (typeof value === 'string' ? value.replace(/ (?=\d\d:\d\d$)/, '+') : value),
  instantSchema,
);

/** A day of the calendar, and in UTC a year of four digits: `Date` takes 30 February for 2 March. */
function isInstant(text: string): boolean {
  if (!INSTANT.test(text) || !isDate(text.slice(0, 10))) return false;
  const year = new Date(text.toUpperCase()).getUTCFullYear();
  return year >= 1 && year <= 9_999;
}

/** Letters in either case, as RFC 3339 has them. */
const INSTANT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/i;

/** A date in a query, as YYYY-MM-DD. */
export const dateFromQuery = z
  .string()
  .refine((text) => /^\d{4}-\d\d-\d\d$/.test(text) && isDate(text), {
    error: 'Use a date such as 2026-01-31.',
  })
  .meta({ format: 'date' });

function isDate(text: string): boolean {
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && text >= '0001' && instant.toISOString().startsWith(text);
}
