import { invalid } from './variable.ts';

const KEY_BYTES = 32;

/** Fewer different characters than these mark a key that nobody drew at random: a random one has far more. */
const MIN_DISTINCT = { hexDigits: 10, characters: 7, bytes: 20 } as const;

/** A random key has about 1 in 16 equal steps at most; a counted or alphabetical one has most of them. */
const MAX_EQUAL_STEPS = 0.4;

/** Words of keys that were meant to be replaced: of six characters at least, not to turn up in a random key. */
const PLACEHOLDER =
  /change.?me|changeit|replace|placeholder|example|password|passwort|secret|encryption|default|switchboard|insert|(?:^|[-_])your[-_]|qwerty|letmein/i;

const HOW_TO_MAKE = 'Make one with: openssl rand -hex 32';

/**
 * The 32 bytes of an encryption key: 64 hexadecimal digits, base64 of 32 bytes, or 32 printable ASCII characters without spaces.
 * Refuses placeholders and keys of low entropy. The messages never hold the key.
 * @throws AppError CONFIG_INVALID
 */
export function parseEncryptionKey(text: string): Uint8Array {
  const key = decodeKey(text);
  if (key === undefined) {
    throw invalid(
      `Write 32 bytes: 64 hexadecimal digits, base64 of 32 bytes, or 32 printable ASCII characters without spaces. ${HOW_TO_MAKE}`,
    );
  }
  if (PLACEHOLDER.test(text)) throw invalid(`This looks like a placeholder. ${HOW_TO_MAKE}`);
  if (isGuessable(text, key)) {
    throw invalid(`This key repeats itself or counts, so that it could be guessed. ${HOW_TO_MAKE}`);
  }
  return key;
}

/**
 * Several keys, comma separated. One of 32 characters that holds a comma itself has to be written in another form.
 * @throws AppError CONFIG_INVALID
 */
export function parseEncryptionKeys(text: string): readonly Uint8Array[] {
  return text.split(',').map((key) => parseEncryptionKey(key.trim()));
}

function decodeKey(text: string): Uint8Array | undefined {
  if (/^[\da-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[\x21-\x7e]{32}$/.test(text)) return Buffer.from(text, 'latin1');
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === KEY_BYTES ? bytes : undefined;
}

function isGuessable(text: string, key: Uint8Array): boolean {
  const codes = Uint8Array.from(Buffer.from(text.replace(/=$/, ''), 'latin1'));
  const distinct = new Set(codes).size;
  if (text.length === KEY_BYTES) {
    return distinct < MIN_DISTINCT.characters || isRegular(codes);
  }
  const tooFew = text.length === 2 * KEY_BYTES && distinct < MIN_DISTINCT.hexDigits;
  return tooFew || new Set(key).size < MIN_DISTINCT.bytes || isRegular(codes) || isRegular(key);
}

/** True if the values repeat with a period, or mostly grow or shrink by the same step. */
function isRegular(values: Uint8Array): boolean {
  for (let period = 1; period <= values.length / 2; period += 1) {
    if (values.every((value, index) => index < period || value === values[index - period])) return true;
  }
  const steps = new Map<number, number>();
  for (let index = 1; index < values.length; index += 1) {
    const step = (values[index] ?? 0) - (values[index - 1] ?? 0);
    steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  return Math.max(...steps.values()) / (values.length - 1) > MAX_EQUAL_STEPS;
}
