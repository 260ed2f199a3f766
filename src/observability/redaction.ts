/**
 * What must not stand in a log: phone numbers, message bodies, tokens and keys, credentials in URLs. Pure. Two
 * rules work together: a field's name says that its whole value is private, and patterns find what is private
 * within any text. UUIDs, ISO times, epoch milliseconds and WhatsApp's bare message ids stay readable.
 */

/** Fields whose value is somebody's words or a picture of a login. `detail` and `parameters` are PostgreSQL's rows. */
const BODY_NAMES: ReadonlySet<string> = new Set([
  'text',
  'body',
  'caption',
  'content',
  'qr',
  'qrcode',
  'pairingcode',
  'vcard',
  'quotedtext',
  'question',
  'options',
  'detail',
  'parameters',
]);

const SECRET_NAME =
  /password|passwd|passphrase|secret|token|apikey|encryptionkey|privatekey|accesskey|ownerkey|credential|authorization|cookie/;

/** Fields that hold a phone number or an address of WhatsApp, also where nothing else gives it away. */
const PHONE_NAME =
  /phone|^(to|from|jid|lid|wid|user|author|participants?|sender|recipients?|chat|chatid|remote|msisdn)$/;

/** Deeper than any field that is worth reading; keeps a line of a self-referring vendor object short. */
const MAX_DEPTH = 6;
const MAX_ITEMS = 50;
const MAX_TEXT = 8_192;

const REDACTED = '[redacted]';

/** The fields of a log line, safe to write and ready for JSON. Never throws; its input is left as it is. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return redactEntries(Object.entries(fields), { depth: 0, above: new Set([fields]) });
  } catch {
    // A getter or a proxy of a vendor's object threw; the line itself is worth more than its fields.
    return { fields: '[unreadable]' };
  }
}

interface Place {
  readonly depth: number;
  /** The objects that contain this one, to see circles. */
  readonly above: ReadonlySet<object>;
}

function redactEntries(entries: Iterable<[string, unknown]>, place: Place): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of entries) {
    const safe = redactNamed(name, value, place);
    if (safe !== undefined) result[redactText(name)] = safe;
  }
  return result;
}

function redactNamed(name: string, value: unknown, place: Place): unknown {
  const plain = name.replaceAll(/[^a-z]/gi, '').toLowerCase();
  const isNothing = value === null || value === undefined || typeof value === 'boolean';
  if (!isNothing && BODY_NAMES.has(plain)) return redactBody(value);
  if (!isNothing && SECRET_NAME.test(plain) && typeof value !== 'number') return REDACTED;
  if (PHONE_NAME.test(plain) && isPhoneLike(value)) return maskDigits(String(value));
  return redactValue(value, place);
}

/** Digits with what people put between them, unless they are a date or an instant: `from` and `to` hold those too. */
function isPhoneLike(value: unknown): boolean {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
  return /^\+?[\d .()-]{5,24}$/.test(text) && !/^(\d{4}-\d\d(-\d\d)?|1\d{9}|1\d{12})$/.test(text);
}

/** The length of a body helps to tell an empty message from one that was lost. */
function redactBody(value: unknown): string {
  return typeof value === 'string' ? `[redacted, ${value.length} characters]` : REDACTED;
}

function redactValue(value: unknown, place: Place): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'bigint':
      return redactText(value.toString());
    case 'object':
      return value === null ? null : redactObject(value, place);
    case 'symbol':
    case 'function':
    case 'undefined':
      return undefined;
    default:
      return value;
  }
}

function redactObject(value: object, { depth, above }: Place): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL || value instanceof RegExp) return redactText(String(value));
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (above.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[deeper]';
  const place = { depth: depth + 1, above: new Set([...above, value]) };
  if (value instanceof Error) return redactError(value, place);
  if (value instanceof Map) {
    return redactEntries(
      value.entries().map(([key, each]) => [String(key), each]),
      place,
    );
  }
  if (Array.isArray(value) || value instanceof Set) return redactItems([...value], place);
  return redactEntries(Object.entries(value), place);
}

function redactItems(items: readonly unknown[], place: Place): readonly unknown[] {
  const shown = items.slice(0, MAX_ITEMS).map((item) => redactValue(item, place) ?? null);
  return items.length > MAX_ITEMS ? [...shown, `[${items.length - MAX_ITEMS} more]`] : shown;
}

function redactError(error: Error, place: Place): Record<string, unknown> {
  const entries = new Map<string, unknown>([
    ['name', error.name],
    ['message', error.message],
    ...Object.entries(error),
    ['stack', error.stack],
  ]);
  if (error.cause !== undefined) entries.set('cause', error.cause);
  if (error instanceof AggregateError) entries.set('errors', error.errors);
  return redactEntries(entries, place);
}

/** Names of query parameters and of `name=value` pairs that carry a secret. */
const SECRET_PAIR =
  /\b([\w-]{0,32}(?:password|passwd|secret|token|api[-_]?key|access[-_]?key|owner[-_]?key|authorization|signature))("?\s*[=:]\s*"?)(?!\s)(?:(?:bearer|basic)\s+)?[^\s&"',;)}\]]+/gi;

const AUTHORIZATION = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;

/** `scheme://user:password@host`. The last @ before the path ends the credentials: a password may hold one. */
const URL_CREDENTIALS = /\b([a-z][a-z\d+.-]{0,30}:\/\/)[^\s/?#]*@/gi;

/** JSON Web Tokens: three parts of base64url, the first of which begins like `{"`. */
const JSON_WEB_TOKEN = /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g;

/** API keys of ours. */
const API_KEY = /\bsb_[\w-]{16,}/g;

/** Data URLs: QR codes and media. */
const DATA_URL = /\bdata:([\w/+.-]*)(;[\w=-]+)*,[\w+/=%-]+/gi;

/**
 * The number before the @ of a JID, with the device's number if it has one. Groups of today have ids of 18 digits,
 * which are nobody's number; older ones begin with the number of whoever made them.
 */
const JID =
  /(?<!\d)(\d{5,17})(?=(?:-\d+)?(?:[:.]\d+){0,2}@(?:c\.us|s\.whatsapp\.net|lid|hosted|g\.us)(?![a-z\d-]|\.[a-z]))/g;

/** E.164, also with the spaces, dots, hyphens and brackets that people put between the digits. */
const E164 = /\+(?:[ .\-()]{0,2}\d){7,15}(?!\d)/g;

/**
 * Digits alone that can be a full phone number. Epoch milliseconds (13 digits) and seconds (10) begin with 1, and
 * numbers of the zone +1 always have 11 digits, so the two do not overlap.
 */
const BARE_NUMBER = /(?<![\w.+-])(?:1\d{10}|[2-9]\d{9,14})(?![\w-]|\.\d)/g;

/** A text with everything private in it masked; of a phone number the last two digits stay. */
export function redactText(text: string): string {
  return shorten(text)
    .replaceAll(DATA_URL, `data:$1,${REDACTED}`)
    .replaceAll(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replaceAll(JSON_WEB_TOKEN, REDACTED)
    .replaceAll(API_KEY, REDACTED)
    .replaceAll(SECRET_PAIR, `$1$2${REDACTED}`)
    .replaceAll(AUTHORIZATION, `$1 ${REDACTED}`)
    .replaceAll(JID, maskDigits)
    .replaceAll(E164, maskDigits)
    .replaceAll(BARE_NUMBER, maskDigits);
}

function shorten(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  return `${text.slice(0, MAX_TEXT)} [${text.length - MAX_TEXT} more characters]`;
}

/** Every digit but the last two as `*`, in a text that has at least five of them. */
function maskDigits(text: string): string {
  const digits = text.replaceAll(/\D/g, '').length;
  if (digits < 5) return text;
  let left = digits - 2;
  return text.replaceAll(/\d/g, (digit) => (left-- > 0 ? '*' : digit));
}
