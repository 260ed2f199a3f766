/** The Standard Webhooks scheme, version 1 (symmetric): https://www.standardwebhooks.com */
import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
/** The scheme asks for 24 to 64. */
const SECRET_BYTES = 32;

/** A new secret as users are shown it. */
export function makeSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/** What is signed. */
export interface SignedContent {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/** The three headers; the signature holds one by each secret, the newest first. */
export function signatureHeaders(
  content: SignedContent,
  secrets: readonly string[],
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  return {
    'webhook-id': content.id,
    'webhook-timestamp': String(content.timestamp),
    'webhook-signature': secrets.map((secret) => sign(content, secret)).join(' '),
  };
}

function sign({ id, timestamp, body }: SignedContent, secret: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
