import type { SessionState } from './state.ts';

/**
 * What the session loop does about a reason: try again with growing pauses, start again at once without counting it
 * as a failure, or leave it to a person (or to whoever started it).
 */
export type RetryPolicy = 'backoff' | 'at-once' | 'never';

interface Reason {
  /** The state the account comes to rest in (never) or waits in (backoff, at-once). */
  readonly state: SessionState;
  readonly retry: RetryPolicy;
  readonly text: string;
  /** What a person should do; null if Switchboard deals with it alone. */
  readonly userAction: string | null;
  /** The link outlasts it: the profile is kept for the next start. */
  readonly keepsLink: boolean;
}

/** Why a session is not connected: code → where it rests, whether it is tried again, what a person is told. */
export const REASONS = {
  user_disconnected: {
    state: 'disconnected',
    retry: 'never',
    text: 'Disconnected by a user.',
    userAction: 'Reconnect the account to link it again.',
    keepsLink: false,
  },
  exported: {
    state: 'disconnected',
    retry: 'never',
    text: 'The sealed session was exported, to go on at another host.',
    userAction: 'Import it there; or, if it was imported nowhere, reconnect the account to go on here.',
    keepsLink: true,
  },
  moved_away: {
    state: 'disconnected',
    retry: 'never',
    text: 'The session was moved to another host.',
    userAction: 'Reconnect the account to link it here anew.',
    keepsLink: false,
  },
  qr_given_up: {
    state: 'disconnected',
    retry: 'never',
    text: 'Nobody scanned the QR code, or typed the pairing code.',
    userAction: 'Reconnect the account and scan or type the new code.',
    keepsLink: false,
  },
  no_code: {
    state: 'disconnected',
    retry: 'never',
    text: 'WhatsApp Web showed no code to link a phone with, however often it was tried.',
    userAction: 'Check that this machine reaches WhatsApp, then reconnect the account.',
    keepsLink: false,
  },
  pairing_code_refused: {
    state: 'disconnected',
    retry: 'never',
    text: 'WhatsApp gave no pairing code; it does so when it was asked for many.',
    userAction: 'Check the number, wait some minutes, then reconnect the account.',
    keepsLink: false,
  },
  wrong_phone: {
    state: 'disconnected',
    retry: 'never',
    text: 'Another phone scanned the QR code than the one named when the account was created.',
    userAction: 'Reconnect the account and scan with the named phone.',
    keepsLink: false,
  },
  already_linked: {
    state: 'disconnected',
    retry: 'never',
    text: 'The number that scanned is linked to another account already.',
    userAction: 'Use the account that holds the number, or disconnect it first.',
    keepsLink: false,
  },
  no_slot: {
    state: 'disconnected',
    retry: 'never',
    text: 'All session slots were taken when the daemon started.',
    userAction: 'Disconnect another account or raise WHATSAPP_MAX_CONNECTIONS, then reconnect this one.',
    keepsLink: true,
  },
  daemon_stopped: {
    state: 'disconnected',
    retry: 'never',
    text: 'Switchboard was stopped; the session comes back with it.',
    userAction: 'Start Switchboard.',
    keepsLink: true,
  },
  logged_out: {
    state: 'needs_human',
    retry: 'never',
    text: 'The device was unlinked on the phone, or WhatsApp ended the link.',
    userAction: 'Reconnect the account and scan the new QR code.',
    keepsLink: false,
  },
  replaced: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp Web was opened with this link in another place.',
    userAction: 'Close the other place, then reconnect the account.',
    keepsLink: true,
  },
  banned: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp blocked the number for a breach of its terms.',
    userAction: 'Open WhatsApp on the phone and follow what it says.',
    keepsLink: true,
  },
  client_outdated: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp says that this version of WhatsApp Web is too old.',
    userAction: 'Update Switchboard and Chromium, then reconnect the account.',
    keepsLink: true,
  },
  auth_failed: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp refused the stored session.',
    userAction: 'Reconnect the account and scan the new QR code.',
    keepsLink: false,
  },
  passkey: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp asks for a passkey before it links this device.',
    userAction: 'Approve the link with the passkey on the phone; if that is over, reconnect the account.',
    keepsLink: false,
  },
  link_stalled: {
    state: 'needs_human',
    retry: 'never',
    text: 'The phone has answered the code, but the link was not completed. WhatsApp may be asking for a passkey.',
    userAction:
      'Look at the phone: confirm what it asks, such as a passkey, and remove a linked device that does nothing. Then reconnect the account and scan again.',
    keepsLink: false,
  },
  key_missing: {
    state: 'needs_human',
    retry: 'never',
    text: 'The sealed session cannot be opened with the encryption keys at hand.',
    userAction:
      'Add the key that the last error names to ENCRYPTION_KEY_PREVIOUS and start Switchboard again. One that was made at the first start is in DATA_PATH/encryption-key.',
    keepsLink: true,
  },
  vault_damaged: {
    state: 'needs_human',
    retry: 'never',
    text: 'No sealed copy of the session is whole: they were changed, cut or lost.',
    userAction:
      'Put a good copy back under WHATSAPP_SESSION_PATH and reconnect the account; or disconnect it and scan anew.',
    keepsLink: true,
  },
  vault_unavailable: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The sealed session could not be opened: the disk, the database or the storage of its copies fails.',
    userAction: null,
    keepsLink: true,
  },
  proxy_blocked: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'WhatsApp refuses connections from this network address.',
    userAction: null,
    keepsLink: true,
  },
  browser_died: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The browser ended.',
    userAction: null,
    keepsLink: true,
  },
  page_crashed: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The page crashed.',
    userAction: null,
    keepsLink: true,
  },
  page_unresponsive: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The page did not answer in time.',
    userAction: null,
    keepsLink: true,
  },
  launch_failed: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The browser or the page could not be started.',
    userAction: null,
    keepsLink: true,
  },
  page_unreachable: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'WhatsApp Web could not be loaded: the network or its server does not answer.',
    userAction: "Check this machine's internet connection, DNS and proxy.",
    keepsLink: true,
  },
  start_overdue: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The session did not become ready in time.',
    userAction: null,
    keepsLink: true,
  },
  connection_lost: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'WhatsApp Web lost its connection and did not find it again.',
    userAction: null,
    keepsLink: true,
  },
  library_fault: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The library threw where nobody catches.',
    userAction: null,
    keepsLink: true,
  },
  disk_full: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The disk that WHATSAPP_RUNTIME_PATH lies on is full: a browser that started now could lose the link.',
    userAction: 'Make room on that disk, or set WHATSAPP_RUNTIME_PATH to a folder that has more.',
    keepsLink: true,
  },
  storage_failed: {
    state: 'reconnecting',
    retry: 'backoff',
    text: "The page's storage was closed under it: the disk of the opened profiles is full, or fails.",
    userAction: 'Make room on the disk that WHATSAPP_RUNTIME_PATH lies on, and see whether it is sound.',
    keepsLink: true,
  },
  memory_high: {
    state: 'reconnecting',
    retry: 'at-once',
    text: 'The browser had grown; it was started anew while nothing was under way.',
    userAction: null,
    keepsLink: true,
  },
  link_doubted: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'WhatsApp Web asked for a new scan. Its profile may have lost the link: the sealed session is opened before that is believed.',
    userAction: null,
    keepsLink: true,
  },
  memory_exceeded: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The browser took more memory than a session may.',
    userAction: null,
    keepsLink: true,
  },
  self_test_failed: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The page is loaded, but lacks parts that sending and receiving need.',
    userAction: null,
    keepsLink: true,
  },
} as const satisfies Record<string, Reason>;

export type ReasonCode = keyof typeof REASONS;

export function parseReasonCode(value: string): ReasonCode {
  if (Object.hasOwn(REASONS, value)) return value as ReasonCode;
  throw new TypeError(`Not a reason code: ${value}`);
}

/**
 * Why an account rests although a user wants it: the instance lacks what it will still lack the next time. It is tried there
 * again at the next boot, or when a user says so; another instance may have what is missing.
 */
export const RESTS_UNTIL_BOOT: readonly ReasonCode[] = ['no_slot', 'key_missing'];

const STAYS_WANTED: ReadonlySet<ReasonCode> = new Set([...RESTS_UNTIL_BOOT, 'daemon_stopped']);

/** True if the next boot starts an account that rests for this: nothing but the daemon's own means kept it from running. */
export function staysWanted(reason: ReasonCode): boolean {
  return STAYS_WANTED.has(reason);
}

/** Why an account without a link rests although nobody was linking a phone: its link, or what was asked of it, is over. */
const OF_NO_LINKING: ReadonlySet<ReasonCode> = new Set([
  'user_disconnected',
  'exported',
  'moved_away',
  'logged_out',
  'auth_failed',
]);

/**
 * True if linking a phone was given up where an account without a link rests for this: no code comes before somebody asks
 * for one.
 */
export function endsLinking(reason: ReasonCode): boolean {
  return REASONS[reason].retry === 'never' && !staysWanted(reason) && !OF_NO_LINKING.has(reason);
}
