import type { Announcement } from '../accounts/announcement.ts';
import { usagePercentage } from '../accounts/health.ts';
import type { MessageId } from '../accounts/ids.ts';
import type { ConnectionStatus, HealthStatus, SessionState } from '../accounts/state.ts';
import { stateToConnectionStatus } from '../accounts/state.ts';
import type { FeedChange } from '../db/change-feed-store.ts';
import type { StoredMessage } from '../db/message-store.ts';
import { type AccountView, reasonToView } from './account-view.ts';
import { type MessageView, messageToView } from './message-view.ts';
import { qrToDataUrl } from './qr-image.ts';

type Reason = AccountView['reason'];

/** What Socket.IO clients are sent: event → payload. Instants are ISO 8601 in UTC. */
export interface RealtimePayloads {
  /** The code to scan: the library's string, and a PNG as a data URL; all null once there is none. */
  'account:qr': { accountId: string; qr: string | null; qrCode: string | null; expiresAt: string | null };
  /** The code to type on the phone; null once there is none. */
  'account:pairing-code': { accountId: string; code: string | null; expiresAt: string | null };
  'account:status': {
    accountId: string;
    connectionStatus: ConnectionStatus;
    state: SessionState;
    reason: Reason;
    since: string;
    reconnect: { attempt: number; nextAt: string | null } | null;
  };
  'account:health': {
    accountId: string;
    healthStatus: HealthStatus;
    usagePercentage: number;
    messagesSentToday: number;
    dailyLimit: number;
  };
  /** Somebody has to look at the account. */
  'account:alert': { accountId: string; kind: string; reason: Reason; text: string; at: string };
  /** A webhook of the tenant was disabled, since nothing was taken there for days. */
  'webhook:disabled': { webhookId: string; at: string };
  /** An incoming message, as the API shows it. */
  'message:received': MessageView;
  /**
   * Another step of a message, its edit, its revocation, the end of the fetching of its media, a reaction to it or a vote in it,
   * also one that was taken back: what the message has come to.
   */
  'message:status': Pick<MessageView, StatusField>;
}

const STATUS_FIELDS = [
  'messageId',
  'whatsappMessageId',
  'accountId',
  'chatId',
  'direction',
  'status',
  'failedReason',
  'mediaUrl',
  'mediaStatus',
  'mimeType',
  'fileName',
  'fileSize',
  'timestamp',
  'handedAt',
  'sentAt',
  'deliveredAt',
  'readAt',
  'playedAt',
  'editedAt',
  'revokedAt',
  'reactions',
  'votes',
] as const satisfies readonly (keyof MessageView)[];

type StatusField = (typeof STATUS_FIELDS)[number];

type EventName = keyof RealtimePayloads;

/** An event by its name, with its payload. */
export type RealtimeEvent = {
  [Name in EventName]: { readonly name: Name; readonly payload: RealtimePayloads[Name] };
}[EventName];

/** An announcement as clients are sent it; drawing a QR code takes a moment. */
export async function announcementToEvent(announcement: Announcement): Promise<RealtimeEvent> {
  const { accountId } = announcement;
  switch (announcement.kind) {
    case 'qr': {
      const { text: qr } = announcement;
      const qrCode = qr === null ? null : await qrToDataUrl(qr);
      const expiresAt = announcement.expiresAt?.toISOString() ?? null;
      return { name: 'account:qr', payload: { accountId, qr, qrCode, expiresAt } };
    }
    case 'pairing-code': {
      const expiresAt = announcement.expiresAt?.toISOString() ?? null;
      return { name: 'account:pairing-code', payload: { accountId, code: announcement.text, expiresAt } };
    }
    case 'status': {
      const { state, reason, since, reconnect } = announcement;
      const payload = {
        accountId,
        connectionStatus: stateToConnectionStatus(state),
        state,
        reason: reasonToView(reason),
        since: since.toISOString(),
        reconnect: reconnect && { ...reconnect, nextAt: reconnect.nextAt?.toISOString() ?? null },
      };
      return { name: 'account:status', payload };
    }
    case 'health': {
      const { health: healthStatus, sentToday, dailyLimit } = announcement;
      const usage = usagePercentage({ sentToday, dailyLimit });
      const counts = { usagePercentage: usage, messagesSentToday: sentToday, dailyLimit };
      return { name: 'account:health', payload: { accountId, healthStatus, ...counts } };
    }
    case 'alert': {
      const { alert, at } = announcement;
      const { kind, reason, text } = alert;
      const payload = { accountId, kind, reason: reasonToView(reason), text, at: at.toISOString() };
      return { name: 'account:alert', payload };
    }
    default:
      return announcement satisfies never;
  }
}

/** Whether an event, its name and its payload, tells of a code that has run out at `now` (milliseconds since the epoch). */
export function isOver([name, payload]: readonly unknown[], now: number): boolean {
  if (name !== 'account:qr' && name !== 'account:pairing-code') return false;
  const { expiresAt } = payload as RealtimePayloads['account:qr' | 'account:pairing-code'];
  return expiresAt !== null && Date.parse(expiresAt) <= now;
}

/** What is to be told of one message. */
export interface MessageNews {
  readonly messageId: MessageId;
  /** Whether it has just become known. */
  readonly isNew: boolean;
}

/** What changes that are told together come to: each message once, in the order of their first changes. */
export function changesToNews(changes: readonly FeedChange[]): readonly MessageNews[] {
  const news = new Map<MessageId, MessageNews>();
  for (const { messageId, kind } of changes) {
    const isNew = kind === 'message' || news.get(messageId)?.isNew === true;
    news.set(messageId, { messageId, isNew });
  }
  return [...news.values()];
}

/** News of a message as clients are sent it: with what the message has come to by now. */
export function newsToEvent({ isNew }: MessageNews, message: StoredMessage): RealtimeEvent {
  const view = messageToView(message);
  if (isNew && view.direction === 'incoming') return { name: 'message:received', payload: view };
  const fields = STATUS_FIELDS.map((name) => [name, view[name]]);
  return {
    name: 'message:status',
    payload: Object.fromEntries(fields) as RealtimePayloads['message:status'],
  };
}
