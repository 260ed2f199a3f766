import type { Schemas } from './call-types.ts';

type Account = Schemas['Account'];
type Message = Schemas['Message'];

/** What Socket.IO tells at `/socket.io`: event → payload. Instants are ISO 8601 in UTC. */
export interface RealtimePayloads {
  /** The code to scan: the library's string, and a PNG as a data URL; all null once there is none. */
  'account:qr': { accountId: string; qr: string | null; qrCode: string | null; expiresAt: string | null };
  /** The code to type on the phone; null once there is none. */
  'account:pairing-code': { accountId: string; code: string | null; expiresAt: string | null };
  'account:status': Pick<Account, 'connectionStatus' | 'state' | 'reason' | 'since'> & {
    accountId: string;
    reconnect: { attempt: number; nextAt: string | null } | null;
  };
  'account:health': Pick<Account, 'healthStatus' | 'messagesSentToday' | 'dailyLimit'> & {
    accountId: string;
    usagePercentage: number;
  };
  /** Somebody has to look at the account. */
  'account:alert': { accountId: string; kind: string; reason: Account['reason']; text: string; at: string };
  /** A webhook of the tenant was disabled, since its endpoint has failed for days. */
  'webhook:disabled': { webhookId: string; at: string };
  /** An incoming message, as the API shows it. */
  'message:received': Message;
  /**
   * What a message has come to: another step of it, its edit, its revocation, the end of the fetching of its file, a reaction to
   * it or a vote in it, also one that was taken back.
   */
  'message:status': Pick<
    Message,
    | 'messageId'
    | 'whatsappMessageId'
    | 'accountId'
    | 'chatId'
    | 'direction'
    | 'status'
    | 'failedReason'
    | 'mediaUrl'
    | 'mediaStatus'
    | 'mimeType'
    | 'fileName'
    | 'fileSize'
    | 'timestamp'
    | 'handedAt'
    | 'sentAt'
    | 'deliveredAt'
    | 'readAt'
    | 'playedAt'
    | 'editedAt'
    | 'revokedAt'
    | 'reactions'
    | 'votes'
  >;
}

/** The events as socket.io-client takes them: `const socket: Socket<RealtimeEvents> = io(…)`. */
export type RealtimeEvents = {
  [Name in keyof RealtimePayloads]: (payload: RealtimePayloads[Name]) => void;
};
