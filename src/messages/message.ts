/**
 * The words of the message model that rows, events and the API share.
 *
 * `pending` → `sent` (WhatsApp's server has it) → `delivered` → `read` → `played`; an ack never moves a status
 * back. `failed`, `cancelled` and `unknown` end or hold a message beside that ladder.
 */
export const MESSAGE_STATUSES = [
  'pending',
  'sent',
  'delivered',
  'read',
  'played',
  'deferred',
  'cancelled',
  'failed',
  'unknown',
] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

export const MESSAGE_TYPES = [
  'text',
  'image',
  'video',
  'audio',
  'voice',
  'document',
  'sticker',
  'location',
  'contact',
  'poll',
  'revoked',
  'other',
] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

export type Direction = 'incoming' | 'outgoing';

/** Where the bytes of a message's media are: not yet here, stored, or not to be had. */
export type MediaStatus = 'pending' | 'stored' | 'gone' | 'failed';

/** Degrees; name and address as the sender wrote them. */
export interface MessageLocation {
  readonly latitude: number;
  readonly longitude: number;
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  readonly url?: string | undefined;
}

/** A contact card: the display name and the whole vCard. */
export interface MessageContact {
  readonly name: string;
  readonly vcard: string;
}

export interface MessagePoll {
  readonly question: string;
  readonly options: readonly string[];
  readonly multipleAnswers: boolean;
}

/** WhatsApp's ack numbers: -1 failed, 0 on its way, 1 server, 2 delivered, 3 read, 4 played. */
export type Ack = -1 | 0 | 1 | 2 | 3 | 4;

/** The status an ack stands for, seen from the sender. */
export function ackToStatus(ack: Ack): MessageStatus {
  switch (ack) {
    case -1:
      return 'failed';
    case 0:
      return 'pending';
    case 1:
      return 'sent';
    case 2:
      return 'delivered';
    case 3:
      return 'read';
    case 4:
      return 'played';
    default:
      return ack satisfies never;
  }
}

/** WhatsApp's number as an Ack; undefined for anything that is none. */
export function parseAck(raw: unknown): Ack | undefined {
  return raw === -1 || raw === 0 || raw === 1 || raw === 2 || raw === 3 || raw === 4 ? raw : undefined;
}
