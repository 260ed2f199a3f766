import { isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { splitShellWords } from './shell-words.ts';
import { invalid, type ParseText } from './variable.ts';

/** A whole number within `min` and `max`, both included. */
export function wholeNumber(min: number, max: number): ParseText<number> {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw invalid(`Write a whole number from ${min} to ${max}.`);
  };
}

/** One of the given words, spelled like that. */
export function oneOf<const Word extends string>(...words: readonly Word[]): ParseText<Word> {
  return (text) => {
    const word = words.find((each) => each === text);
    if (word === undefined) throw invalid(`Write one of: ${words.join(', ')}.`);
    return word;
  };
}

/** True for "on", false for "off". */
export const onOrOff: ParseText<boolean> = (text, context) => oneOf('on', 'off')(text, context) === 'on';

/** A path, made absolute. */
export const parsePath: ParseText<string> = (text, { cwd }) => {
  // A shell would expand it; here it would become a folder of that name.
  if (text.startsWith('~')) throw invalid('The ~ is not expanded here. Write the whole path.');
  return resolve(cwd, text);
};

/** An IANA time zone, as it is written. */
export const parseTimezone: ParseText<string> = (text) => {
  // Node takes offsets such as +01:00 too; they know no daylight saving time, and PostgreSQL reads them reversed.
  if (!/^[A-Za-z]/.test(text) || !isKnownTimezone(text)) {
    throw invalid('Write the IANA name of a time zone, such as Europe/Berlin or UTC.');
  }
  return text;
};

function isKnownTimezone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

/** A host name or an IP address to listen on, without scheme, brackets and port. */
export const parseHost: ParseText<string> = (text) => {
  if (/^[\w.-]+$/.test(text) || isIPv6(text)) return text;
  throw invalid('Write a host name or an IP address alone, such as 127.0.0.1, 0.0.0.0 or ::1.');
};

/** Arguments, split at blanks, with quotes and backslashes as in a shell, but nothing expanded. */
export const parseArguments: ParseText<readonly string[]> = (text) => splitShellWords(text);

/** Origins of web pages, comma separated: scheme, host and port, as browsers send them. */
export const parseOrigins: ParseText<readonly string[]> = (text) =>
  splitList(text).map((item) => {
    const origin = URL.canParse(item) ? new URL(item) : null;
    const isWeb = origin?.protocol === 'http:' || origin?.protocol === 'https:';
    if (origin === null || !isWeb || item.replace(/\/$/, '').toLowerCase() !== origin.origin) {
      throw invalid(
        'List origins such as https://app.example.com, comma separated: scheme, host and port, no path, no *.',
      );
    }
    return origin.origin;
  });

/** A URL of PostgreSQL, as given. */
export const parsePostgresUrl: ParseText<string> = (text) => {
  // Where a socket is meant, its folder is the query's `host` and the place before the path is empty.
  const protocol = findProtocol(text.replace(/^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?=\/)/, '$1localhost'));
  if (protocol === 'postgres:' || protocol === 'postgresql:') return text;
  throw invalid(
    'Write a URL such as postgres://user:password@host:5432/database. Characters like @ # / in the password are percent-encoded.',
  );
};

/** URLs of Redis, comma separated; several are the nodes of one cluster. */
export const parseRedisUrls: ParseText<readonly string[]> = (text) => {
  const urls = splitList(text);
  const protocols = new Set(urls.map(findProtocol));
  if ([...protocols].some((protocol) => protocol !== 'redis:' && protocol !== 'rediss:')) {
    throw invalid(
      'Write a URL such as redis://:password@host:6379 (rediss:// with TLS); the nodes of a cluster are comma separated.',
    );
  }
  if (protocols.size > 1) throw invalid('All nodes of a cluster use redis:// or all use rediss://.');
  return urls;
};

function findProtocol(text: string): string | null {
  return URL.canParse(text) ? new URL(text).protocol : null;
}

function splitList(text: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim());
  return items.length > 1 && items.at(-1) === '' ? items.slice(0, -1) : items;
}

/** An API key that an HTTP header can carry; a caller's key may also be a JWT. */
export const parseHeaderKey: ParseText<string> = (text) => {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw invalid('Use printable ASCII characters without spaces.');
};

/** An API key of ours, long enough not to be guessed. */
export const parseApiKey: ParseText<string> = (text, context) => {
  const key = parseHeaderKey(text, context);
  if (key.length >= 32 && key.length <= 512) return key;
  throw invalid(
    `It has ${key.length} characters; use 32 to 512, such as the output of: openssl rand -hex 32`,
  );
};

/** What tokens are signed with, long enough for HS256: a shorter one could be found by trying. */
export function parseJwtSecret(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes >= 32) return text;
  throw invalid(`It has ${bytes} bytes; use 32 or more, such as the output of: openssl rand -hex 32`);
}

/** Where a set of public keys is, with its query. */
export function parseJwksUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url.href;
  throw invalid('Write a URL such as https://login.example/.well-known/jwks.json, without a password in it.');
}

/** Where a daemon answers HTTP: scheme, host and port, without a slash at the end. */
export const parseHttpUrl: ParseText<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) {
    throw invalid('Write a URL such as http://127.0.0.1:3000, without a password in it.');
  }
  return url.href.replace(/\/+$/, '');
};

/** The name of this instance: it becomes part of keys and rows. */
export function parseInstanceName(text: string): string {
  if (/^[\w.-]{1,64}$/.test(text)) return text;
  throw invalid('Use 1 to 64 letters, digits, dots, hyphens or underscores.');
}

/** The name of a bucket: it becomes part of a host name or of a path. */
export function parseBucket(text: string): string {
  if (/^[A-Za-z0-9][\w.-]{1,61}[A-Za-z0-9]$/.test(text) && !text.includes('..')) return text;
  throw invalid('Use 3 to 63 letters, digits, dots or hyphens, as the bucket is called.');
}

/** The name of a region: it becomes part of a host name and of every signature. */
export function parseRegion(text: string): string {
  if (/^[A-Za-z0-9-]{1,64}$/.test(text)) return text;
  throw invalid('Use the name of a region, such as eu-central-1.');
}

/** What names of objects begin with, without slashes around it. */
export function parseObjectPrefix(text: string): string {
  const prefix = text.replace(/^\/+|\/+$/g, '');
  // A segment of dots alone would be taken for a folder above by whoever reads the address.
  const isPlain = prefix.split('/').every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part));
  if (isPlain && prefix.length <= 512) return prefix;
  throw invalid('Use letters, digits, dots, hyphens and underscores, with slashes between them.');
}
