/**
 * Whose error is it? The library and the browser driver reject promises that nobody holds and throw in listeners that
 * nobody guards (facts A2, A3; faults F14, F20). All that a session does runs in a scope of its own, which Node carries
 * along through promises, timers and streams: an error that reaches the process is brought back to its session by it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { isDocumentGone } from './document-gone.ts';

export interface SessionScope {
  /** Names the account in each line. */
  readonly log: Logger;
  /** Told of an error that the session cannot go on with. It may come when the session has ended. */
  onStray(error: Error): void;
}

/**
 * What to do about an error that nobody caught: `recycle` the session that it belongs to; `note` it, since somebody else
 * sees what it tells; or `end` the daemon, whose state nobody can vouch for any more.
 */
export type StrayVerdict = 'recycle' | 'note' | 'end';

const scopes = new AsyncLocalStorage<SessionScope>();

/** Runs the work of a session; what it leaves behind, however late, is attributed to the scope. */
export function runInSession<T>(scope: SessionScope, work: () => T): T {
  return scopes.run(scope, work);
}

/**
 * For errors that reached the process. True if it was dealt with: a session's own is logged with its account and ends
 * that life of its browser, if need be. False if the daemon must end. Never throws.
 */
export function containStray(thrown: unknown, log: Logger | undefined): boolean {
  const scope = scopes.getStore();
  const error = toError(thrown);
  const verdict = judgeStray(error, { inSession: scope !== undefined });
  if (verdict === 'end') return false;
  const fields = { error: error.message, stack: error.stack, recycled: verdict === 'recycle' };
  (scope?.log ?? log)?.warn('A session left an error that nobody caught', fields);
  if (verdict === 'recycle') scope?.onStray(error);
  return true;
}

export function judgeStray(error: Error, { inSession }: { readonly inSession: boolean }): StrayVerdict {
  // The watchdogs of a session see for themselves that its page has gone.
  if (inSession) return isDocumentGone(error) ? 'note' : 'recycle';
  return isOfBrowser(error) ? 'note' : 'end';
}

/** True for what whatsapp-web.js and puppeteer throw, the library's strings among it. */
function isOfBrowser(error: Error): boolean {
  return (
    /[\\/](?:puppeteer(?:-core)?|whatsapp-web\.js)[\\/]/.test(error.stack ?? '') ||
    /^(auth|ready) timeout$/.test(error.message)
  );
}
