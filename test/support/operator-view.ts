import type { AccountId } from '../../src/accounts/ids.ts';
import { REASONS, type ReasonCode } from '../../src/accounts/reason.ts';
import type { PoolStage, StateChange } from './pool-stage.ts';
import type { RecordedLine } from './recording-logger.ts';

const CHANGED = 'The session changed its state';
const FELL = 'The session fell and is started again';
const ALERT = 'An account needs attention';

/** Reasons of whoever works the pool, who needs no telling. */
const OWN_DOING: readonly ReasonCode[] = ['user_disconnected', 'daemon_stopped', 'no_slot'];

/**
 * Where what an operator was told falls short of what was stored, as sentences; none if each state with a reason
 * stands in the log under it, each fall once and with its explanation, each matter for a person as an alert that says what to do,
 * and nothing else was called an error.
 */
export function findUntold(stage: PoolStage, accountId: AccountId): string[] {
  const lines = stage.log.lines.filter(({ fields }) => fields.accountId === accountId);
  const { states, alerts } = stage.of(accountId);
  const errors = lines.filter(({ level, message }) => level === 'error' && message !== ALERT);
  const shortfalls = states.flatMap((change) => {
    const { reason } = change;
    if (reason === null || OWN_DOING.includes(reason)) return [];
    return findMissingLines({ ...change, reason }, lines, alerts);
  });
  return [...shortfalls, ...errors.map((line) => `an error was logged: ${JSON.stringify(line)}`)];
}

function findMissingLines(
  { state, reason, attempt }: StateChange & { readonly reason: ReasonCode },
  lines: readonly RecordedLine[],
  alerts: readonly { readonly reason: ReasonCode }[],
): string[] {
  const has = (level: string, message: string, wanted: Readonly<Record<string, unknown>>) =>
    lines.some(
      (line) =>
        line.level === level &&
        line.message === message &&
        Object.entries(wanted).every(([name, value]) => line.fields[name] === value),
    );
  const { text: explanation, userAction } = REASONS[reason];
  const isFall = state === 'reconnecting' && attempt !== undefined;
  // A demand for a passkey becomes an alert only when nobody answers it.
  const isAlarming = state === 'needs_human' && reason !== 'passkey';
  const alarm = () =>
    has('error', ALERT, { reason, explanation, userAction }) && alerts.some((each) => each.reason === reason);
  return [
    isFall || has('info', CHANGED, { state, reason }) ? '' : `no line says ${state} for ${reason}`,
    !isFall || has('warn', FELL, { state, reason, explanation, attempt })
      ? ''
      : `no line says why it fell: ${reason}`,
    isFall && has('info', CHANGED, { state, reason, attempt }) ? `two lines say that it fell: ${reason}` : '',
    !isAlarming || alarm() ? '' : `no alert says what to do about ${reason}`,
  ].filter(Boolean);
}
