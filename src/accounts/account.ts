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
  /** The account's own id in WhatsApp, `<digits>@c.us` or `<digits>@lid`, while it is linked. */
  readonly wid: string | null;
  readonly state: SessionState;
  readonly reason: ReasonCode | null;
  readonly since: Date;
  readonly wanted: boolean;
  readonly linked: boolean;
  readonly firstLinkedAt: Date | null;
  readonly pairing: Pairing;
  readonly qr: string | null;
  readonly qrExpiresAt: Date | null;
  readonly pairingCode: string | null;
  readonly pairingCodeExpiresAt: Date | null;
  readonly lastError: string | null;
  readonly dailyLimit: number;
  readonly timezone: string;
  readonly isActive: boolean;
  readonly lastConnectedAt: Date | null;
  readonly lastDisconnectedAt: Date | null;
  readonly createdAt: Date;
  /** Which instance holds it, or held it last. */
  readonly instanceId: InstanceId | null;
  /** True while an instance holds it: what its state says of a session is then so. */
  readonly isHeld: boolean;
}

/** A QR's text or a pairing code, and when it must no longer be shown. */
export interface LinkCode {
  readonly text: string;
  readonly expiresAt: Date;
}

/** Who a linked phone is, as WhatsApp tells it. */
export interface LinkedIdentity {
  /** The account's own id, `<digits>@c.us`; `<digits>@lid` where the page knows nothing else. */
  readonly wid: string;
  /** E.164; null if the page knows only the LID. */
  readonly phoneNumber: string | null;
  readonly profileName: string | null;
}

/** How a phone is linked: by scanning a QR code, or by typing a code of eight characters. */
export type Pairing = 'qr' | 'code';

/** A change of a session's state, as it is stored, kept in the account's history and announced. */
export interface SessionChange {
  readonly state: SessionState;
  readonly reason: ReasonCode | null;
  /** Number of the attempt to reconnect; only while reconnecting. */
  readonly attempt?: number;
  readonly lastError?: string;
}

/** What an account comes to rest for. */
export interface SessionRest {
  readonly reason: ReasonCode;
  readonly lastError?: string;
}

export const ALERT_KINDS = ['reconnect_failing', 'flapping', 'needs_human'] as const;

/** Something that a person must hear of: sessions that cannot be brought back, do not stay, or only a person can mend. */
export interface SessionAlert {
  readonly kind: (typeof ALERT_KINDS)[number];
  readonly reason: ReasonCode;
  readonly text: string;
}

/** Hears what was entered into the history of any account, once it is stored. Returns at once and does not throw. */
export interface HistoryListener {
  onState(change: Pick<SessionChange, 'state' | 'reason' | 'attempt'>): void;
  onAlert(alert: SessionAlert): void;
}

/**
 * What a session writes about its account. Each call is one transaction and may be repeated. A signal gives a write up:
 * from its abort on it changes nothing, unless the database has taken it already.
 */
export interface AccountStore {
  getAccount(id: AccountId): Promise<Account>;
  /** Accounts that a user wants connected, oldest first. */
  listWanted(instanceId: InstanceId): Promise<readonly Account[]>;
  /** Says of every wanted account that it is starting: what an earlier run of the daemon left is no longer true. */
  saveStarting(instanceId: InstanceId): Promise<void>;
  /**
   * Says of every account that an earlier run was killed over while it ended its session that it rests. No session of this
   * instance may run.
   */
  saveCutOff(instanceId: InstanceId): Promise<void>;
  /** Says that a user wants the account connected, on this instance, and that it is starting. */
  saveStart(id: AccountId, instanceId: InstanceId): Promise<void>;
  /**
   * Stores what an account comes to rest for, with all that follows from it (see reason.ts): its state, that nobody wants
   * it connected any more, that its link is over. Whoever reads one of them reads all.
   */
  saveRest(id: AccountId, rest: SessionRest, signal?: AbortSignal): Promise<void>;
  /** Stores the state and appends it to the account's history. */
  saveState(id: AccountId, change: SessionChange, signal?: AbortSignal): Promise<void>;
  /** Appends an alert to the account's history. */
  saveAlert(id: AccountId, alert: SessionAlert, signal?: AbortSignal): Promise<void>;
  /** A null QR clears it. */
  saveQr(id: AccountId, qr: LinkCode | null, signal?: AbortSignal): Promise<void>;
  /** A null code clears it. */
  savePairingCode(id: AccountId, code: LinkCode | null, signal?: AbortSignal): Promise<void>;
  /**
   * Stores who is linked and that the account is connected now.
   * @throws AppError ALREADY_LINKED if another account of the tenant holds the number.
   */
  saveLinked(id: AccountId, identity: LinkedIdentity, signal?: AbortSignal): Promise<void>;
  /**
   * Says that the link is over and nobody wants the account connected. No snapshot of it counts any more, and what is left
   * of it is to be destroyed.
   */
  saveOver(id: AccountId, instanceId: InstanceId): Promise<void>;
  /** Accounts that are neither wanted nor linked any more, but were once. */
  listOver(instanceId: InstanceId): Promise<readonly AccountId[]>;
}
