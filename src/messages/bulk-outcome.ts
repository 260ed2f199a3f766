import type { IdempotentAnswer } from '../db/idempotency-store.ts';
import { AppError, type ErrorCode, isAppError } from '../lib/errors.ts';
import type { SendRequest } from './send-request.ts';

/** One message of a bulk request. */
export interface BulkItem {
  readonly request: SendRequest;
  /** Of this item alone, as that of a single send. */
  readonly idempotencyKey: string | null;
  /** Equal for equal items. */
  readonly requestHash: string;
}

/** What became of an item. */
export type BulkOutcome =
  | ({ readonly kind: 'accepted' } & IdempotentAnswer)
  | { readonly kind: 'rejected'; readonly error: Error };

/**
 * The key of an item that has none of its own, in a request that has one. It begins as no key of a client can, so that it is
 * nobody else's.
 */
export function itemKeyOf(requestKey: string, nth: number): string {
  return `\u001fbulk ${nth} ${requestKey}`;
}

/** True if the item comes to the same whenever it is asked for again; what may pass by itself is tried anew. */
export function isFinal(outcome: BulkOutcome): boolean {
  if (outcome.kind === 'accepted') return true;
  const { error } = outcome;
  return isAppError(error) && (error.retry === 'never' || error.code === 'DAILY_LIMIT_EXCEEDED');
}

/** True if the item met a fault inside, of which an operator should hear. */
export function isFault(outcome: BulkOutcome): outcome is Extract<BulkOutcome, { kind: 'rejected' }> {
  return outcome.kind === 'rejected' && (!isAppError(outcome.error) || outcome.error.status >= 500);
}

/**
 * The error of the request as a whole: nothing was accepted, and all items met the same fault or state, of which none is to
 * blame. Undefined if each is to be told its own.
 */
export function findCommonError(outcomes: readonly BulkOutcome[]): Error | undefined {
  const errors = outcomes.flatMap((outcome) => (outcome.kind === 'rejected' ? [outcome.error] : []));
  const [first] = errors;
  if (first === undefined || errors.length < outcomes.length) return undefined;
  const codes = new Set(errors.map((error) => (isAppError(error) ? error.code : null)));
  if (codes.size > 1) return undefined;
  const isShared = outcomes.every(isFault) || isAppError(first, 'ACCOUNT_NOT_CONNECTED');
  return isShared ? first : undefined;
}

/** An outcome as it is stored, plain JSON. */
type StoredOutcome =
  | IdempotentAnswer
  | { readonly code: ErrorCode; readonly message: string; readonly details?: unknown };

/** Outcomes that are all final, to be answered again. */
export function outcomesToStored(outcomes: readonly BulkOutcome[]): object {
  return { outcomes: outcomes.map(outcomeToStored) };
}

export function storedToOutcomes(stored: unknown): readonly BulkOutcome[] {
  const { outcomes } = stored as { readonly outcomes: readonly StoredOutcome[] };
  return outcomes.map((outcome) =>
    'messageId' in outcome
      ? { kind: 'accepted', messageId: outcome.messageId, status: outcome.status }
      : { kind: 'rejected', error: new AppError(outcome.code, outcome) },
  );
}

function outcomeToStored(outcome: BulkOutcome): StoredOutcome {
  if (outcome.kind === 'accepted') return { messageId: outcome.messageId, status: outcome.status };
  const { error } = outcome;
  if (!isAppError(error)) throw new TypeError('Only what is final is stored.');
  return { code: error.code, message: error.message, details: error.details };
}
