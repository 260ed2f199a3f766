/**
 * Asks the instance that holds an account for something that only the holder of its session can do, and does what others ask
 * of this one. A call is begun at most once: the run that is asked takes it on before it does anything, so that what is
 * notified twice is done once, and what its caller took back, or waits for no longer, is not begun.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { type NotificationOptions, openNotificationListener } from '../db/notification-listener.ts';
import { isDatabaseAway } from '../db/outage.ts';
import {
  type ClaimedCall,
  claimCalls,
  deleteCall,
  findOutcome,
  insertCall,
  SESSION_CALLS_CHANNEL,
  saveOutcome,
} from '../db/session-call-store.ts';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, ERROR_CATALOGUE, type ErrorCode, toError } from '../lib/errors.ts';
import { Wake } from '../lib/wake.ts';
import { HeldElsewhereError, LeaseLostError } from './lease.ts';
import { type CallOutcome, callToMs, type SessionCall } from './session-call.ts';

/** A caller looks so often, in milliseconds, whether the run that it asked has ended, which nobody tells it. */
const LOOK_EVERY_MS = 2_000;
/** Calls that are being done when this instance stops have so long for their ends, in milliseconds. */
const STOP_DEADLINE_MS = 10_000;

/**
 * The run that was asked does not hold the account any more, or has ended: whether it did anything is not known. The account
 * may be held by another by now.
 */
export class HolderGoneError extends AppError {
  constructor() {
    super('UNAVAILABLE', { message: 'The instance that held the account is gone. Try again.' });
  }
}

/**
 * Does what is asked of this instance's sessions.
 * @throws HeldElsewhereError, LeaseLostError or HolderGoneError if it does not hold the account
 */
export type PerformCall = (accountId: AccountId, call: SessionCall) => Promise<unknown>;

export interface SessionCallsOptions extends Pick<NotificationOptions, 'connection' | 'log'> {
  readonly db: Executor;
  /** The run of this instance at this moment; undefined while it has none. */
  readonly ownRun: () => number | undefined;
  readonly perform: PerformCall;
  readonly clock: Pick<Clock, 'monotonic'>;
}

export interface SessionCalls extends AsyncDisposable {
  /**
   * Has a run do something for an account; resolves with what it answers. Nothing is left behind once it has settled.
   * @throws the AppError that was thrown there; HolderGoneError; UNAVAILABLE if there was no answer in time or this instance
   * stops; the signal's reason; an Error if there was a fault, which the log of that instance tells
   */
  ask(
    run: number,
    accountId: AccountId,
    call: SessionCall,
    options?: { readonly withinMs?: number; readonly signal?: AbortSignal },
  ): Promise<unknown>;

  /** Looks for calls of this instance's run; to be called when it has a new one. Returns at once. */
  look(): void;
}

/** Listens for calls until it is disposed, which waits a moment for those that are being done. */
export async function openSessionCalls(options: SessionCallsOptions): Promise<SessionCalls> {
  const calls = new CallDesk(options);
  const listener = await openNotificationListener({
    connection: options.connection,
    log: options.log,
    channel: SESSION_CALLS_CHANNEL,
    onNotification: (payload) => calls.hear(payload),
    onResumed: () => calls.hearAgain(),
  });
  calls.serve();
  return {
    ask: (run, accountId, call, asking) => calls.ask(run, accountId, call, asking),
    look: () => calls.look(),
    async [Symbol.asyncDispose]() {
      await calls.close();
      await listener[Symbol.asyncDispose]();
    },
  };
}

class CallDesk {
  readonly #options: SessionCallsOptions;
  readonly #closing = new AbortController();
  readonly #asked = new Wake();
  /** Callers here, by the id of their call. */
  readonly #callers = new Map<string, Wake>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: SessionCallsOptions) {
    this.#options = options;
  }

  hear(payload: string): void {
    const [what, id = ''] = payload.split(':');
    if (what === 'answered') this.#callers.get(id)?.wake();
    else this.look();
  }

  hearAgain(): void {
    for (const caller of this.#callers.values()) caller.wake();
    this.look();
  }

  look(): void {
    this.#asked.wake();
  }

  async ask(
    run: number,
    accountId: AccountId,
    call: SessionCall,
    { withinMs = callToMs(call), signal }: { readonly withinMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<unknown> {
    const over = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    over.throwIfAborted();
    const id = await insertCall(this.#options.db, { run, accountId, call, withinMs });
    if (id === undefined) throw new HolderGoneError();
    const answered = new Wake();
    this.#callers.set(id, answered);
    try {
      return outcomeToValue(await this.#untilAnswered(id, answered, { withinMs, over }));
    } finally {
      this.#callers.delete(id);
      await this.#takeBack(id);
    }
  }

  async #untilAnswered(
    id: string,
    answered: Wake,
    { withinMs, over }: { readonly withinMs: number; readonly over: AbortSignal },
  ): Promise<Exclude<CallOutcome, { kind: 'begun' }>> {
    const { db, clock } = this.#options;
    const deadline = clock.monotonic() + withinMs;
    for (;;) {
      over.throwIfAborted();
      const outcome = await findOutcome(db, id);
      if (outcome === undefined) throw new HolderGoneError();
      if (outcome !== null && outcome.kind !== 'begun') return outcome;
      const leftMs = deadline - clock.monotonic();
      if (leftMs <= 0) {
        throw new AppError('UNAVAILABLE', {
          message: 'The instance that holds the account did not answer in time. Try again.',
        });
      }
      await answered.wait(over, Math.min(leftMs, LOOK_EVERY_MS));
    }
  }

  /** Never rejects: what cannot be removed is removed by the run that was asked, or with it. */
  async #takeBack(id: string): Promise<void> {
    try {
      await deleteCall(this.#options.db, id);
    } catch (thrown) {
      this.#options.log.debug('A call of another instance could not be taken back', {
        id,
        ...describe(thrown),
      });
    }
  }

  /** Does what is asked from now on. */
  serve(): void {
    this.#track(this.#serve(this.#closing.signal));
    this.look();
  }

  async #serve(signal: AbortSignal): Promise<void> {
    for (let faults = 0; !signal.aborted; ) {
      try {
        await this.#asked.wait(signal);
        await this.#begin();
        faults = 0;
      } catch (thrown) {
        if (signal.aborted) return;
        faults += 1;
        this.look();
        this.#options.log.warn('What other instances ask could not be read', describe(thrown));
        await waitMs(backoffDelayMs(faults + 1), signal).catch(() => undefined);
      }
    }
  }

  async #begin(): Promise<void> {
    const { db, ownRun } = this.#options;
    const run = ownRun();
    if (run === undefined) return;
    for (const claimed of await claimCalls(db, run)) this.#track(this.#do(claimed));
  }

  async #do({ id, accountId, call, withinMs }: ClaimedCall): Promise<void> {
    const { clock, db, log } = this.#options;
    const deadline = clock.monotonic() + withinMs;
    const outcome = await this.#perform(accountId, call);
    for (let attempt = 2; ; attempt += 1) {
      try {
        return await saveOutcome(db, id, outcome);
      } catch (thrown) {
        log.warn('What another instance asked could not be answered', { accountId, ...describe(thrown) });
        // Nobody waits any more, or nobody is left here to answer.
        if (this.#closing.signal.aborted || clock.monotonic() > deadline) return;
        await waitMs(backoffDelayMs(attempt), this.#closing.signal).catch(() => undefined);
      }
    }
  }

  async #perform(accountId: AccountId, call: SessionCall): Promise<CallOutcome> {
    const { perform, log } = this.#options;
    try {
      return { kind: 'done', value: (await perform(accountId, call)) ?? null };
    } catch (thrown) {
      const outcome = thrownToOutcome(thrown);
      if (outcome.kind === 'fault')
        log.error('What another instance asked ended in a fault', {
          accountId,
          call: call.kind,
          ...describe(thrown),
        });
      return outcome;
    }
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  async close(): Promise<void> {
    this.#closing.abort(new AppError('UNAVAILABLE', { message: 'Switchboard is stopping.' }));
    try {
      await withDeadline(Promise.all(this.#underWay), STOP_DEADLINE_MS, 'What other instances asked');
    } catch (thrown) {
      this.#options.log.warn('What other instances asked is cut off by the stop', describe(thrown));
    }
  }
}

function thrownToOutcome(thrown: unknown): CallOutcome {
  const moved = [HeldElsewhereError, LeaseLostError, HolderGoneError];
  if (moved.some((error) => thrown instanceof error)) return { kind: 'moved' };
  const error = isDatabaseAway(thrown) ? new AppError('UNAVAILABLE') : thrown;
  if (!(error instanceof AppError)) return { kind: 'fault' };
  const { code, message, details } = error;
  return { kind: 'refused', code, message, details: details ?? null };
}

function outcomeToValue(outcome: Exclude<CallOutcome, { kind: 'begun' }>): unknown {
  switch (outcome.kind) {
    case 'done':
      return outcome.value;
    case 'refused':
      throw new AppError(parseCode(outcome.code), {
        message: outcome.message,
        details: outcome.details ?? undefined,
      });
    case 'fault':
      throw new Error('The instance that holds the account had a fault, which its log tells.');
    case 'moved':
      throw new HolderGoneError();
    default:
      return outcome satisfies never;
  }
}

/** Another instance may be newer, and know codes that this one does not. */
function parseCode(code: string): ErrorCode {
  return code in ERROR_CATALOGUE ? (code as ErrorCode) : 'INTERNAL';
}

function describe(thrown: unknown): { readonly error: string } {
  return { error: toError(thrown).message };
}
