import type { SessionState } from './state.ts';

/** What the session loop does about a reason: try again with growing pauses, or leave it to a person. */
export type RetryPolicy = 'backoff' | 'never';

interface Reason {
  /** The state the account comes to rest in (never) or waits in (backoff). */
  readonly state: SessionState;
  readonly retry: RetryPolicy;
  readonly text: string;
  /** What a person should do; null if Switchboard deals with it alone. */
  readonly userAction: string | null;
}

/** Why a session is not connected: code → where it rests, whether it is tried again, what a person is told. */
export const REASONS = {
  user_disconnected: {
    state: 'disconnected',
    retry: 'never',
    text: 'Disconnected by a user.',
    userAction: 'Reconnect the account to link it again.',
  },
  qr_given_up: {
    state: 'disconnected',
    retry: 'never',
    text: 'Nobody scanned the QR code.',
    userAction: 'Reconnect the account and scan the new QR code.',
  },
  wrong_phone: {
    state: 'disconnected',
    retry: 'never',
    text: 'Another phone scanned the QR code than the one named when the account was created.',
    userAction: 'Reconnect the account and scan with the named phone.',
  },
  already_linked: {
    state: 'disconnected',
    retry: 'never',
    text: 'The number that scanned is linked to another account already.',
    userAction: 'Use the account that holds the number, or disconnect it first.',
  },
  no_slot: {
    state: 'disconnected',
    retry: 'never',
    text: 'All session slots were taken when the daemon started.',
    userAction: 'Disconnect another account or raise WHATSAPP_MAX_CONNECTIONS, then reconnect this one.',
  },
  logged_out: {
    state: 'needs_human',
    retry: 'never',
    text: 'The device was unlinked on the phone, or WhatsApp ended the link.',
    userAction: 'Reconnect the account and scan the new QR code.',
  },
  replaced: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp Web was opened with this link in another place.',
    userAction: 'Close the other place, then reconnect the account.',
  },
  banned: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp blocked the number for a breach of its terms.',
    userAction: 'Open WhatsApp on the phone and follow what it says.',
  },
  client_outdated: {
    state: 'needs_human',
    retry: 'never',
    text: 'WhatsApp says that this version of WhatsApp Web is too old.',
    userAction: 'Update Switchboard and Chromium, then reconnect the account.',
  },
  proxy_blocked: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'WhatsApp refuses connections from this network address.',
    userAction: null,
  },
  browser_died: { state: 'reconnecting', retry: 'backoff', text: 'The browser ended.', userAction: null },
  page_crashed: { state: 'reconnecting', retry: 'backoff', text: 'The page crashed.', userAction: null },
  page_unresponsive: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The page did not answer in time.',
    userAction: null,
  },
  launch_failed: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The browser or the page could not be started.',
    userAction: null,
  },
  start_overdue: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The session did not become ready in time.',
    userAction: null,
  },
  connection_lost: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'WhatsApp Web lost its connection and did not find it again.',
    userAction: null,
  },
  self_test_failed: {
    state: 'reconnecting',
    retry: 'backoff',
    text: 'The page is loaded, but lacks parts that sending and receiving need.',
    userAction: null,
  },
} as const satisfies Record<string, Reason>;

export type ReasonCode = keyof typeof REASONS;

export function parseReasonCode(value: string): ReasonCode {
  if (Object.hasOwn(REASONS, value)) return value as ReasonCode;
  throw new TypeError(`Not a reason code: ${value}`);
}
