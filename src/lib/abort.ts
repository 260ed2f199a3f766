import { setImmediate } from 'node:timers';
import { AppError } from './errors.ts';

/** Waits `ms` milliseconds, or rejects with the signal's reason as soon as it aborts. */
export async function waitMs(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await orAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A signal that aborts so long after another, with its reason; it keeps no process alive. */
export function abortedAfter(signal: AbortSignal, ms: number): AbortSignal {
  const later = new AbortController();
  const wait = () => void setTimeout(() => later.abort(signal.reason), ms).unref();
  if (signal.aborted) wait();
  else signal.addEventListener('abort', wait, { once: true });
  return later.signal;
}

/** Settles as `work` does, or rejects with the signal's reason first. The work itself goes on. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Abandoned work may still fail; unheard, that would end the process.
    work.catch(() => undefined);
  }
}

/** The pieces as they come, until the signal aborts: then its reason is thrown, also while a piece is waited for. */
export async function* untilAborted<T>(pieces: AsyncIterable<T>, signal?: AbortSignal): AsyncIterable<T> {
  if (signal === undefined) return yield* pieces;
  const source = pieces[Symbol.asyncIterator]();
  try {
    for (;;) {
      const piece = await orAborted(source.next(), signal);
      if (piece.done) return;
      yield piece.value;
    }
  } finally {
    // Not waited for: a source that hangs may never let itself be closed.
    void source.return?.().catch(() => undefined);
  }
}

/**
 * Settles as `work` does, or rejects with SESSION_DEADLINE after `ms` milliseconds. The work itself goes on:
 * a call into a wedged page can only be abandoned, not stopped (fault F9). An answer that came while this process stood
 * still is in time: it is read before the deadline is held against it.
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    // Timers come before what the network has brought, in each turn of the loop.
    () =>
      setImmediate(() =>
        reject(new AppError('SESSION_DEADLINE', { message: `${what} took longer than ${ms} ms.` })),
      ),
    ms,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
    late.catch(() => undefined);
  }
}
