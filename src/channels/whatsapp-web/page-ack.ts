import { type Ack, parseAck } from '../../messages/message.ts';

/** Failures that WhatsApp Web tells by an ack of their own, and what it calls them. */
const FAILURES: Readonly<Record<number, string>> = {
  [-2]: 'EXPIRED',
  [-3]: 'CONTENT_GONE',
  [-4]: 'CONTENT_TOO_BIG',
  [-5]: 'CONTENT_UNUPLOADABLE',
  [-7]: 'MD_DOWNGRADE',
};

/** Tells that a device got the message while nobody used it: no failure, and no step that is counted. */
const INACTIVE = -6;

/** How far a message of ours has come and, where it failed, why: as WhatsApp told, or named its ack. */
export interface ToldAck {
  readonly ack: Ack;
  readonly reason: string | null;
}

/** An ack of the page, with the reason that it may tell beside it; undefined for a number that says nothing of the way. */
export function parsePageAck(raw: unknown, told: string | undefined): ToldAck | undefined {
  const ack = parseAck(raw);
  if (ack !== undefined) return { ack, reason: told ?? null };
  if (typeof raw !== 'number' || !Number.isInteger(raw) || raw > -2 || raw === INACTIVE) return undefined;
  return { ack: -1, reason: told ?? FAILURES[raw] ?? `ack ${raw}` };
}

/** The same of a message that is there: one of which the number says nothing is on its way. */
export function toPageAck(raw: unknown, told: string | undefined): ToldAck {
  return parsePageAck(raw, told) ?? { ack: 0, reason: told ?? null };
}
