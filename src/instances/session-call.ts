import type { PreparedSend } from '../channels/channel.ts';

/** What one instance may ask of another, about the session of an account. Each may be asked again: see Channel. */
export type SessionCall =
  | { readonly kind: 'start'; readonly fresh: boolean }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'release' }
  | { readonly kind: 'abandon' }
  | { readonly kind: 'react'; readonly message: PreparedSend; readonly emoji: string };

/** How a call stands that was begun, as its row has it; nothing while it was not. */
export type CallOutcome =
  | { readonly kind: 'begun' }
  | { readonly kind: 'done'; readonly value: unknown }
  /** An AppError, to be thrown again where it was asked. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly details: unknown }
  /** Something else was thrown; the log of the instance says what. */
  | { readonly kind: 'fault' }
  /** Nothing was done: the instance does not hold the account. */
  | { readonly kind: 'moved' };

/**
 * How long a call may take, in milliseconds: to end a session a profile is sealed, or destroyed, and its copies are made;
 * to start one, that of the session before. A page reacts within its own deadline.
 */
const SESSION_CALL_MS = 600_000;
const PAGE_CALL_MS = 60_000;

export function callToMs({ kind }: SessionCall): number {
  return kind === 'react' ? PAGE_CALL_MS : SESSION_CALL_MS;
}
