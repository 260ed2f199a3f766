import type { SessionAlert } from './account.ts';
import type { AccountId, TenantId } from './ids.ts';
import type { ReasonCode } from './reason.ts';
import type { HealthStatus, SessionState } from './state.ts';

/** What users are told of an account while it happens, each thing once. */
export type AnnouncementContent =
  | {
      readonly kind: 'status';
      readonly state: SessionState;
      readonly reason: ReasonCode | null;
      readonly since: Date;
      /** Null unless the session is being brought back; `nextAt` is null while the attempt runs. */
      readonly reconnect: { readonly attempt: number; readonly nextAt: Date | null } | null;
    }
  | {
      readonly kind: 'health';
      readonly health: HealthStatus;
      readonly sentToday: number;
      readonly dailyLimit: number;
    }
  | { readonly kind: 'alert'; readonly alert: SessionAlert; readonly at: Date }
  /** A null text means that there is none to scan (or to type) any more. */
  | { readonly kind: 'qr' | 'pairing-code'; readonly text: string; readonly expiresAt: Date }
  | { readonly kind: 'qr' | 'pairing-code'; readonly text: null; readonly expiresAt: null };

export type Announcement = AnnouncementContent & {
  readonly accountId: AccountId;
  readonly tenantId: TenantId;
};

/** Takes an announcement; returns at once and does not throw. Those of one account come in their order. */
export type AnnouncementHandler = (announcement: Announcement) => void;

/** Where announcements can be heard, and who is told of what makes them worth another look. */
export interface Announcements {
  /** Calls the handler for everything from now on; the returned function ends that. */
  subscribe(handler: AnnouncementHandler): () => void;
  /** Says that something beside its session has changed which an account's health is made of. Returns at once. */
  reviewHealth(accountId: AccountId): void;
}
