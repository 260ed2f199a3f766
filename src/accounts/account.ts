import type { AccountId, InstanceId, TenantId } from './ids.ts';
import type { ReasonCode } from './reason.ts';
import type { SessionState } from './state.ts';

/** An account as the rest of the daemon sees it. */
export interface Account {
  readonly id: AccountId;
  readonly tenantId: TenantId;
  readonly channel: string;
  /** The linked number, else the one named at creation; E.164. */
  readonly phoneNumber: string | null;
  /** The number named at creation; only this phone may scan. */
  readonly expectedPhoneNumber: string | null;
  readonly displayName: string | null;
  readonly profileName: string | null;
  readonly state: SessionState;
  readonly reason: ReasonCode | null;
  readonly since: Date;
  readonly wanted: boolean;
  readonly linked: boolean;
  readonly firstLinkedAt: Date | null;
  readonly qr: string | null;
  readonly qrExpiresAt: Date | null;
  readonly lastError: string | null;
  readonly dailyLimit: number;
  readonly timezone: string;
  readonly isActive: boolean;
  readonly lastConnectedAt: Date | null;
  readonly lastDisconnectedAt: Date | null;
  readonly createdAt: Date;
  readonly instanceId: InstanceId | null;
}

/** Who a linked phone is, as WhatsApp tells it. */
export interface LinkedIdentity {
  /** The account's own id, `<digits>@c.us`; `<digits>@lid` where the page knows nothing else. */
  readonly wid: string;
  /** E.164; null if the page knows only the LID. */
  readonly phoneNumber: string | null;
  readonly profileName: string | null;
}

/** What a session writes about its account. Each call is one transaction and may be repeated. */
export interface AccountStore {
  getAccount(id: AccountId): Promise<Account>;
  /** Accounts that a user wants connected, oldest first. */
  listWanted(instanceId: InstanceId): Promise<readonly Account[]>;
  /** Says of every wanted account that it is starting: what an earlier run of the daemon left is no longer true. */
  saveStarting(instanceId: InstanceId): Promise<void>;
  /** Stores what a user wants: connected on this instance, or not. */
  saveWanted(id: AccountId, wanted: boolean, instanceId: InstanceId): Promise<void>;
  saveState(
    id: AccountId,
    change: { readonly state: SessionState; readonly reason: ReasonCode | null; readonly lastError?: string },
  ): Promise<void>;
  /** A null QR clears it. */
  saveQr(id: AccountId, qr: { readonly text: string; readonly expiresAt: Date } | null): Promise<void>;
  /**
   * Stores who is linked and that the account is connected now.
   * @throws AppError ALREADY_LINKED if another account holds the number.
   */
  saveLinked(id: AccountId, identity: LinkedIdentity): Promise<void>;
  /** Forgets the link (the row and its history stay). */
  saveUnlinked(id: AccountId): Promise<void>;
}
