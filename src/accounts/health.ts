import { isInTrouble } from './reconnect.ts';
import { type HealthStatus, type SessionState, stateToConnectionStatus } from './state.ts';

/** Percent of the daily limit from which an account is in Warning, and above which it is Critical. */
const WARNING_FROM = 70;
const CRITICAL_ABOVE = 90;

export interface HealthView {
  readonly state: SessionState;
  /** Messages sent on the account's local date. */
  readonly sentToday: number;
  readonly dailyLimit: number;
  /** Lives of a browser in a row that ended without having been connected. */
  readonly failures: number;
}

/** How much of the daily limit is used, in percent with two decimals. */
export function usagePercentage(view: Pick<HealthView, 'sentToday' | 'dailyLimit'>): number {
  return Math.round((view.sentToday / view.dailyLimit) * 10_000) / 100;
}

/** Healthy, Warning or Critical, from the use of the daily limit and the state of the connection. */
export function accountToHealth(view: HealthView): HealthStatus {
  const usage = (view.sentToday / view.dailyLimit) * 100;
  if (isConnectionInTrouble(view) || usage > CRITICAL_ABOVE) return 'Critical';
  return usage >= WARNING_FROM ? 'Warning' : 'Healthy';
}

function isConnectionInTrouble({ state, failures }: HealthView): boolean {
  const status = stateToConnectionStatus(state);
  return status === 'Failed' || (status === 'Reconnecting' && isInTrouble({ failures }));
}

/** Percent of the daily limit at which it is told how much of it is used. */
export const LIMIT_LEVELS = [70, 90] as const;

/** The highest of LIMIT_LEVELS that the use of the daily limit has reached; 0 for none. */
export function usageToLevel({
  sentToday,
  dailyLimit,
}: Pick<HealthView, 'sentToday' | 'dailyLimit'>): number {
  const reached = LIMIT_LEVELS.filter((level) => sentToday * 100 >= level * dailyLimit);
  return Math.max(0, ...reached);
}
