/**
 * The states of an account's session, as data. What a user sees is derived from here and stored nowhere else:
 * `connectionStatus` is the coarse word of the API, `live` says that a browser is wanted in this state.
 */
export const SESSION_STATES = {
  registered: { connectionStatus: 'Disconnected', live: false, text: 'Created, never started.' },
  starting: { connectionStatus: 'Connecting', live: true, text: 'The browser is starting.' },
  awaiting_scan: {
    connectionStatus: 'Connecting',
    live: true,
    text: 'A QR code waits to be scanned, or a pairing code to be typed.',
  },
  pairing: {
    connectionStatus: 'Connecting',
    live: true,
    text: 'The phone has answered; WhatsApp is linking.',
  },
  syncing: { connectionStatus: 'Connecting', live: true, text: 'Linked; WhatsApp Web is loading.' },
  connected: { connectionStatus: 'Connected', live: true, text: 'Messages flow.' },
  reconnecting: {
    connectionStatus: 'Reconnecting',
    live: true,
    text: 'The session fell and is being brought back.',
  },
  needs_human: {
    connectionStatus: 'Failed',
    live: false,
    text: 'Only a person can mend this; see the reason.',
  },
  disconnected: {
    connectionStatus: 'Disconnected',
    live: false,
    text: 'Disconnected on purpose, or never linked.',
  },
  closing: { connectionStatus: 'Disconnected', live: false, text: 'The browser is being closed.' },
} as const satisfies Record<string, { connectionStatus: string; live: boolean; text: string }>;

export type SessionState = keyof typeof SESSION_STATES;
export type ConnectionStatus = (typeof SESSION_STATES)[SessionState]['connectionStatus'];
export const HEALTH_STATUSES = ['Healthy', 'Warning', 'Critical'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** The coarse word that the API shows for a state. */
export function stateToConnectionStatus(state: SessionState): ConnectionStatus {
  return SESSION_STATES[state].connectionStatus;
}

/** The states in which a browser is wanted. */
export function listLiveStates(): readonly SessionState[] {
  return (Object.keys(SESSION_STATES) as SessionState[]).filter((state) => SESSION_STATES[state].live);
}

export function parseSessionState(value: string): SessionState {
  if (Object.hasOwn(SESSION_STATES, value)) return value as SessionState;
  throw new TypeError(`Not a session state: ${value}`);
}
