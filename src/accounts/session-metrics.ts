import type { Metrics } from '../observability/metrics.ts';
import { ALERT_KINDS, type HistoryListener } from './account.ts';
import { REASONS, type ReasonCode } from './reason.ts';
import { SESSION_STATES, type SessionState } from './state.ts';

const STATES = Object.keys(SESSION_STATES) as SessionState[];

/** Those that a session is brought back from. */
const RETRIED = (Object.keys(REASONS) as ReasonCode[]).filter((code) => REASONS[code].retry !== 'never');

/**
 * Measures sessions. What is counted is what was entered into the history of an account, once each; how many are in
 * which state is read whenever it is asked for. No label names an account.
 */
export function measureSessions(
  metrics: Metrics,
  readStates: () => Promise<ReadonlyMap<SessionState, number>>,
): HistoryListener {
  metrics.gauge(
    {
      name: 'switchboard_sessions',
      help: 'Accounts of this instance by the state of their session.',
      label: 'state',
      values: STATES,
    },
    readStates,
  );
  const countState = metrics.counter({
    name: 'switchboard_session_state_changes_total',
    help: 'States that sessions entered; each attempt to reconnect is one.',
    label: 'state',
    values: STATES,
  });
  const countReconnect = metrics.counter({
    name: 'switchboard_session_reconnects_total',
    help: 'Attempts to reconnect, by the reason of the fall before them.',
    label: 'reason',
    values: RETRIED,
  });
  const countAlert = metrics.counter({
    name: 'switchboard_session_alerts_total',
    help: 'Alerts that were raised.',
    label: 'kind',
    values: ALERT_KINDS,
  });
  return {
    onState({ state, reason, attempt }) {
      countState(state);
      if (attempt !== undefined && reason !== null) countReconnect(reason);
    },
    onAlert: ({ kind }) => countAlert(kind),
  };
}
