import { backoffDelayMs } from '../lib/backoff.ts';
import { AppError, ERROR_CATALOGUE } from '../lib/errors.ts';

/**
 * What becomes of a message that was handed to the page, as pure decisions. A message is handed over again only under its
 * own id, and only where its absence from the page proves that the page never took it; where that cannot be known it is
 * `unknown`, and looked up until it is.
 */

/**
 * A message that no page ever showed is handed over this often by one daemon; what takes the page down ends there, and what
 * the page throws at fails there.
 */
export const MAX_HANDOVERS = 5;
/** So often, and for so long, a page is asked at least to open a chat before the message to it fails. */
const MIN_OPENINGS = 10;
const MIN_OPENING_MS = 3_600_000;
/** For so long at most, within one connection, a message whose outcome is not known keeps the later ones of its chat back. */
export const HOLD_MS = 60_000;
/** A message that the server has not confirmed by then is read back from the page (fact A15). */
export const UNCONFIRMED_MS = 60_000;
/** A page that has made its line anew is asked this soon again. */
export const RENEWED_LOOK_MS = 10_000;
/** The longest pause between two looks at a message whose outcome is open. */
const MAX_LOOK_MS = 30 * 60_000;
/** The same of one that found its day full: the next day may have begun, or the limit have been raised. */
export const FULL_LOOK_MS = 60_000;
/** The longest pause of a chat whose recipient cannot be resolved. */
const MAX_PAUSE_MS = 60_000;

export interface SendFailure {
  readonly code: string;
  readonly reason: string;
}

/** What is written down when a message was handed over often enough. */
export const GIVEN_UP: SendFailure = {
  code: 'SEND_OUTCOME_UNKNOWN',
  reason: 'The message was handed over several times, and WhatsApp Web never showed it.',
};

/** What is written down of a message that a restored session may not know of. */
export const RESTORED: SendFailure = {
  code: 'SEND_OUTCOME_UNKNOWN',
  reason: 'The session was restored from a copy that is older than the message, which may have left.',
};

/** What is written down of a message that was handed over by an earlier link: the page of the new one begins with nothing. */
export const LINKED_ANEW: SendFailure = {
  code: 'SEND_OUTCOME_UNKNOWN',
  reason: 'The account was linked anew after the message was handed over, which may have left.',
};

/** The same of an account that was deleted, whose page hears of nothing any more. */
export const ACCOUNT_DELETED: SendFailure = {
  code: 'SEND_OUTCOME_UNKNOWN',
  reason: 'The account was deleted after the message was handed over, which may have left.',
};

/** Why what waited is cancelled when the account is linked with another number, which nobody asked to send it. */
export const NUMBER_CHANGED: SendFailure = {
  code: 'NUMBER_CHANGED',
  reason: ERROR_CATALOGUE.NUMBER_CHANGED.message,
};

/** What is written down of a message that the number before was handing over: the page of the new one never had it. */
export const HANDED_BY_OTHER: SendFailure = {
  code: 'NUMBER_CHANGED',
  reason: 'Another number was linked to the account after the message was handed over, which may have left.',
};

/** What is written down of an answer to a message that has no key. */
export const QUOTES_NOTHING: SendFailure = {
  code: 'SEND_REFUSED',
  reason: 'The message that this one answers was never sent.',
};

/** Why nothing left and nothing ever will; undefined if the error leaves that open. */
export function findRefusal(error: Error): SendFailure | undefined {
  if (!(error instanceof AppError)) return undefined;
  if (error.retry !== 'never' || error.code === 'SEND_OUTCOME_UNKNOWN') return undefined;
  return { code: error.code, reason: error.message };
}

/**
 * True if a refusal that followed so many hand-overs may be another answer the next time: what the page threw may be due to
 * the network, a server or the page's memory.
 */
export function mayPass({ code }: SendFailure, handovers: number): boolean {
  return code === 'SEND_REFUSED' && handovers < MAX_HANDOVERS;
}

/**
 * True if a page that opened no chat for a message so often, over so many milliseconds, may yet open one: a group may be one
 * that the account has just joined.
 */
export function mayOpen({ code }: SendFailure, tries: number, ms: number): boolean {
  return code === 'SEND_REFUSED' && (tries < MIN_OPENINGS || ms < MIN_OPENING_MS);
}

/** What to do about a handed message that the page does not know. */
export type AbsentStep = 'hand-over' | 'give-up' | 'look-again';

export interface Absence {
  /** True if it was given to this page, which may still be at work on it. */
  readonly givenHere: boolean;
  /** False if it was found before that absence proves nothing of this message. */
  readonly isRepeatable: boolean;
  /** Times that this daemon has handed the message over. */
  readonly handovers: number;
}

/** Decides about a message that the page does not know. */
export function absenceToStep({ givenHere, isRepeatable, handovers }: Absence): AbsentStep {
  if (givenHere || !isRepeatable) return 'look-again';
  return handovers < MAX_HANDOVERS ? 'hand-over' : 'give-up';
}

/** How much longer a message that is unknown since then holds its chat, in milliseconds; clocks may have been set. */
export function holdMs(unknownSinceMs: number, nowMs: number): number {
  return HOLD_MS - Math.min(HOLD_MS, Math.max(0, nowMs - unknownSinceMs));
}

/** Pause before look `attempt` (1 is the first) at a message whose outcome is not known: 1, 2, 4 … 30, 60 s … 30 min. */
export function checkDelayMs(attempt: number): number {
  return attempt > 6 ? watchDelayMs(attempt - 6) : backoffDelayMs(attempt + 1);
}

/** Pause before look `attempt` (1 is the first) at a message that the page holds without a server ack. */
export function watchDelayMs(attempt: number): number {
  return Math.min(MAX_LOOK_MS, UNCONFIRMED_MS * 2 ** Math.min(attempt - 1, 10));
}

/** Pause `attempt` (1 is the first) of a chat after a fault: 1, 2, 4 … 30, 60 s. */
export function pauseDelayMs(attempt: number): number {
  return Math.min(MAX_PAUSE_MS, checkDelayMs(attempt));
}
