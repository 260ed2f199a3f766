import { backoffDelayMs } from '../lib/backoff.ts';
import { AppError } from '../lib/errors.ts';

/**
 * What becomes of a message that was handed to the page, as pure decisions. A message is handed over again only
 * under its own id, and only once the page is known not to hold it.
 */

/** A message that is nowhere to be found is handed over this often before a person is asked. */
export const MAX_HANDOVERS = 5;
/** How long a page that was given a message may keep it out of its store: an upload may still be running. */
export const ABSENCE_MS = 60_000;
/** A message that the server has not confirmed by then is read back from the page (fact A15). */
export const UNCONFIRMED_MS = 60_000;
/** The longest pause between two looks at a message that waits in the page for its server. */
const MAX_WATCH_MS = 30 * 60_000;
/** The longest pause between two tries at something whose outcome is not known. */
const MAX_CHECK_MS = 60_000;

export interface SendFailure {
  readonly code: string;
  readonly reason: string;
}

/** What is written down when a message was handed over often enough. */
export const GIVEN_UP: SendFailure = {
  code: 'SEND_OUTCOME_UNKNOWN',
  reason: 'The message was handed over several times, and WhatsApp Web never showed it.',
};

/** Why nothing left and nothing ever will; undefined if the error leaves that open. */
export function findRefusal(error: Error): SendFailure | undefined {
  if (!(error instanceof AppError)) return undefined;
  if (error.retry !== 'never' || error.code === 'SEND_OUTCOME_UNKNOWN') return undefined;
  return { code: error.code, reason: error.message };
}

/** What to do about a handed message that the page does not know. */
export type AbsentStep = 'wait' | 'hand-over' | 'give-up';

export interface Absence {
  /** True if no hand-over can still be running in this page: it was loaded, or nothing was given to it, since. */
  readonly freshPage: boolean;
  readonly absentForMs: number;
  /** Times that this daemon has handed the message over. */
  readonly handovers: number;
}

/** Decides about a message that the page does not know. */
export function absenceToStep(absence: Absence): AbsentStep {
  if (!absence.freshPage && absence.absentForMs < ABSENCE_MS) return 'wait';
  return absence.handovers < MAX_HANDOVERS ? 'hand-over' : 'give-up';
}

/** Pause before look `attempt` (1 is the first) at a message whose outcome is not known: 1, 2, 4 … 30, 60 s. */
export function checkDelayMs(attempt: number): number {
  return attempt > 6 ? MAX_CHECK_MS : backoffDelayMs(attempt + 1);
}

/** Pause before look `attempt` (1 is the first) at a message that the page holds without a server ack. */
export function watchDelayMs(attempt: number): number {
  return Math.min(MAX_WATCH_MS, UNCONFIRMED_MS * 2 ** Math.min(attempt - 1, 10));
}
