import type { SessionState } from './state.ts';

/**
 * The state machine of a session: what each fact makes of each state. A fact that a row does not name changes
 * nothing there. Whether a session that fell is tried again is the reason's business (see reason.ts), when is the
 * reconnect policy's (see reconnect.ts).
 */
export const SESSION_FACTS = {
  'start-wanted': {
    text: 'A user, or the boot of the daemon, wants the account connected.',
    from: [
      'registered',
      'awaiting_scan',
      'pairing',
      'syncing',
      'connected',
      'reconnecting',
      'needs_human',
      'disconnected',
      'closing',
    ],
    to: 'starting',
    also: 'A slot is reserved before; a browser that runs is closed first.',
  },
  'code-shown': {
    text: 'The page shows a QR code, or WhatsApp gave a pairing code (library: `qr`, `code`).',
    from: ['starting', 'awaiting_scan', 'pairing', 'syncing', 'reconnecting', 'needs_human'],
    to: 'awaiting_scan',
    also: 'The code is stored, for two minutes at most. On an account that is linked it means: logged out, if it is so with a profile that comes from the vault.',
  },
  'code-answered': {
    text: 'A phone has scanned or typed the code (socket: PAIRING).',
    from: ['starting', 'awaiting_scan', 'syncing', 'needs_human'],
    to: 'pairing',
    also: 'The code is cleared.',
  },
  'link-up': {
    text: "The page's line to WhatsApp is up (socket: CONNECTED; library: `authenticated`).",
    from: ['starting', 'awaiting_scan', 'pairing', 'needs_human'],
    to: 'syncing',
    also: 'The code is cleared.',
  },
  ready: {
    text: 'The page has synced, knows who it is and has passed the self-test (library: `ready`).',
    from: ['starting', 'awaiting_scan', 'pairing', 'syncing', 'reconnecting', 'needs_human'],
    to: 'connected',
    also: 'Number and profile name are stored; attempts start again once this has lasted five minutes.',
  },
  'document-lost': {
    text: 'The document that was ready is gone; the page loads another.',
    from: ['connected'],
    to: 'syncing',
    also: 'Sends wait. Announced only if it lasts.',
  },
  'line-lost': {
    text: "The page's line to WhatsApp has been down for some seconds (socket: OPENING, TIMEOUT; fact A9).",
    from: ['connected'],
    to: 'reconnecting',
    also: 'The page stays, and its socket is asked to try again at once. What is to be sent waits, and is not given to it.',
  },
  'line-back': {
    text: 'The line that was down is up again, in the same document.',
    from: ['reconnecting'],
    to: 'connected',
    also: 'What waits is sent at once, each message behind what the page itself has still to send to the chat.',
  },
  'passkey-asked': {
    text: 'WhatsApp asks for a passkey before it links (fact A24).',
    from: ['starting', 'awaiting_scan', 'pairing', 'syncing', 'reconnecting'],
    to: 'needs_human',
    also: 'An alert is raised, and the code is cleared. The page stays open for a while: if the phone answers, linking goes on.',
  },
  fell: {
    text: 'The life of a browser ended for a reason that is tried again.',
    from: ['starting', 'awaiting_scan', 'pairing', 'syncing', 'connected', 'reconnecting', 'needs_human'],
    to: 'reconnecting',
    also: 'Counted; see the reconnect policy. Announced only if it lasts.',
  },
  refused: {
    text: 'The life ended for a reason that only a person can mend.',
    from: ['starting', 'awaiting_scan', 'pairing', 'syncing', 'connected', 'reconnecting', 'needs_human'],
    to: 'needs_human',
    also: 'The slot is free again; an alert is raised.',
  },
  'given-up': {
    text: 'Nobody answered the code, or the phone that did may not.',
    from: ['starting', 'awaiting_scan', 'pairing', 'syncing', 'connected', 'reconnecting', 'needs_human'],
    to: 'disconnected',
    also: 'The slot is free again.',
  },
  'stop-wanted': {
    text: 'A user disconnects the account, or the daemon stops.',
    from: ['starting', 'awaiting_scan', 'pairing', 'syncing', 'connected', 'reconnecting', 'needs_human'],
    to: 'closing',
    also: 'The browser is closed, by force if it does not listen.',
  },
  closed: {
    text: 'The browser and all of its processes are gone, or there was no slot for one; a user disconnects an account that rests.',
    from: [
      'registered',
      'starting',
      'awaiting_scan',
      'pairing',
      'syncing',
      'connected',
      'reconnecting',
      'needs_human',
      'disconnected',
      'closing',
    ],
    to: 'disconnected',
    also: 'The slot is free again. A daemon that was killed while it disconnected an account learns it at its next boot.',
  },
} as const satisfies Record<
  string,
  { text: string; from: readonly SessionState[]; to: SessionState; also: string }
>;

export type SessionFact = keyof typeof SESSION_FACTS;

/** The state after a fact; undefined where the fact changes nothing. */
export function nextState(state: SessionState, fact: SessionFact): SessionState | undefined {
  const { from, to }: { readonly from: readonly SessionState[]; readonly to: SessionState } =
    SESSION_FACTS[fact];
  return from.includes(state) ? to : undefined;
}
