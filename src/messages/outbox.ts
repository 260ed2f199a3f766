/**
 * Accepts messages to be sent. The row is the truth: once it is committed the message will leave, whatever dies
 * afterwards, since the sender looks through the table whenever its account connects and whenever it is woken. A direct
 * wake-up, or a job where the account is not connected here, only makes it look sooner; neither is waited for.
 *
 * An Idempotency-Key is claimed in a statement of its own, so that a second request sees the first at work while
 * that one still fetches its media; the claim is completed in the transaction that writes the row. So a key has a
 * result exactly if its message exists; what dies in between leaves a claim that this instance's next request with the key
 * takes over, or any once the claim has had its term (see acceptance-terms.ts), and a request that is turned away gives its
 * key back at once.
 *
 * Many at once are accepted the same way, each with a key of its own (see bulk-acceptance.ts).
 *
 * The slot of the daily limit is taken in the transaction that writes the row, so that no more are accepted for a date than
 * its limit; a message that finds the day full is turned away, or kept as deferred if that is what was asked.
 */
import type { Account } from '../accounts/account.ts';
import type { AccountId, InstanceId, MessageId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import {
  type AcceptedStatus,
  answerIdempotencyClaim,
  completeIdempotencyClaims,
  type IdempotencyClaim,
} from '../db/idempotency-store.ts';
import { cancelMessage } from '../db/message-cancel.ts';
import type { MessageRef } from '../db/send-result-store.ts';
import { toStorable } from '../db/storable-text.ts';
import { transact } from '../db/transaction.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { OutboundJob } from '../queue/table.ts';
import { countAccepted, countRefused, prepareMessage, type TakeMedia, writeMessages } from './acceptance.ts';
import { acceptItems } from './bulk-acceptance.ts';
import {
  type BulkItem,
  type BulkOutcome,
  isFinal,
  itemKeyOf,
  outcomesToStored,
  storedToOutcomes,
} from './bulk-outcome.ts';
import { openFilesDeadline } from './files-deadline.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';
import type { SendRequest } from './send-request.ts';

export interface AcceptOptions {
  readonly idempotencyKey: string | null;
  /** Tells requests with the same key apart; equal for equal bodies. */
  readonly requestHash: string;
  /** Throws if no new message may be accepted; one that was accepted before is answered all the same. */
  readonly checkNew?: () => void;
}

export interface AcceptOneOptions extends AcceptOptions {
  /** Done in the transaction that stores the message: the one is there exactly if the other is. */
  readonly alongside?: ((trx: Executor, messageId: MessageId) => Promise<void>) | undefined;
}

export interface AcceptAllOptions extends AcceptOptions {
  /** Done in each transaction that stores some of the messages, with how many those are. */
  readonly alongside?: ((trx: Executor, accepted: number) => Promise<void>) | undefined;
}

export interface Accepted {
  readonly messageId: MessageId;
  /** What the acceptance comes to, now and in replays; what became of the message since is in its row. */
  readonly status: AcceptedStatus;
  /** True if this is the stored result of an earlier request with the same key. */
  readonly replayed: boolean;
}

export interface Outbox {
  /**
   * Stores a message to be sent; when it resolves the message is safe.
   * @throws AppError VALIDATION_FAILED (replyTo), IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_CONFLICT, DAILY_LIMIT_EXCEEDED, or
   * what `takeMedia` throws, UNAVAILABLE if its file takes too long; nothing is stored then
   */
  accept(account: Account, request: SendRequest, options: AcceptOneOptions): Promise<Accepted>;

  /**
   * Stores many, each as `accept` does, and tells what became of each, in their order, in which those of a chat leave. With a
   * key for the whole the outcomes are stored once all are final; until then each item is accepted once, however often it is
   * asked for.
   * @throws AppError IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_CONFLICT, about the key of the whole
   */
  acceptAll(
    account: Account,
    items: readonly BulkItem[],
    options: AcceptAllOptions,
  ): Promise<readonly BulkOutcome[]>;

  /**
   * Ends a message that waits; whoever is next in line may have its place. `alongside` is done in the same transaction.
   * @throws AppError MESSAGE_NOT_CANCELLABLE if it was handed over or has ended
   */
  cancel(message: MessageRef, alongside?: (trx: Executor) => Promise<void>): Promise<void>;

  /** Says that messages of an account may leave that could not before; returns at once. */
  wake(accountId: AccountId): void;
}

export interface OutboxDeps {
  readonly db: Executor;
  readonly instanceId: InstanceId;
  readonly takeMedia: TakeMedia;
  /** Wakes the sender of this daemon, if the account is connected here, and tells whether it is; returns at once. */
  readonly wake: (accountId: AccountId) => boolean;
  /** Wakes the instance that holds the session, if that is another. May fail or hang while Redis is away. */
  readonly enqueue: (job: OutboundJob) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStep?: OnMessageStep;
  readonly meter?: MessageMeter;
  /** Milliseconds that the files of one request may take together; as ACCEPTANCE_TERMS has it if it is not given. */
  readonly filesMs?: number;
  /** Made here if nobody else claims keys. */
  readonly keys?: IdempotencyKeys;
}

/** Makes the outbox. It holds nothing that needs closing. */
export function makeOutbox(deps: OutboxDeps): Outbox {
  const keys = deps.keys ?? new IdempotencyKeys(deps);
  return {
    async accept(account, request, { idempotencyKey, requestHash, checkNew, alongside }) {
      const acceptNew = (claim?: IdempotencyClaim) => {
        checkNew?.();
        return orCounted(deps, acceptMessage(deps, account.id, request, { claim, alongside }));
      };
      if (idempotencyKey === null) return acceptNew();
      return keys.once<Accepted>(
        account.id,
        { key: idempotencyKey, requestHash },
        {
          async fresh(claim) {
            deps.onStep?.('accept-claimed');
            return acceptNew(claim);
          },
          stored(earlier) {
            if (earlier.kind === 'answered') throw new AppError('IDEMPOTENCY_CONFLICT');
            return { messageId: earlier.messageId, status: earlier.status, replayed: true };
          },
        },
      );
    },

    acceptAll: (account, items, options) => acceptBulk({ ...deps, keys }, account.id, { items, options }),

    async cancel(message, alongside) {
      const { clock, db } = deps;
      const isCancelled = await cancelMessage(db, message, new Date(clock.now()), alongside);
      if (!isCancelled) throw new AppError('MESSAGE_NOT_CANCELLABLE');
      deps.meter?.count('cancelled');
      wakeSender(deps, { accountId: message.accountId, messageId: message.id });
    },

    wake: (accountId) => wakeSender(deps, { accountId }),
  };
}

async function acceptBulk(
  deps: OutboxDeps & { readonly keys: IdempotencyKeys },
  accountId: AccountId,
  { items, options }: { readonly items: readonly BulkItem[]; readonly options: AcceptAllOptions },
): Promise<readonly BulkOutcome[]> {
  const { idempotencyKey: key, requestHash, checkNew, alongside } = options;
  const accept = async (keyed: readonly BulkItem[]) => {
    const outcomes = await acceptItems(deps, { accountId, items: keyed, checkNew, alongside });
    const last = outcomes.findLast((outcome) => outcome.kind === 'accepted');
    if (last !== undefined) wakeSender(deps, { accountId, messageId: last.messageId });
    return outcomes;
  };
  if (key === null) return accept(items);
  return deps.keys.once<readonly BulkOutcome[]>(
    accountId,
    { key, requestHash },
    {
      async fresh(claim) {
        const outcomes = await accept(
          items.map((item, nth) => ({ ...item, idempotencyKey: item.idempotencyKey ?? itemKeyOf(key, nth) })),
        );
        if (outcomes.every(isFinal))
          await answerIdempotencyClaim(deps.db, claim, toStorable(outcomesToStored(outcomes)));
        else await deps.keys.release(accountId, [claim]);
        return outcomes;
      },
      stored(earlier) {
        if (earlier.kind === 'stored') throw new AppError('IDEMPOTENCY_CONFLICT');
        return storedToOutcomes(earlier.answer);
      },
    },
  );
}

async function orCounted<T>(deps: OutboxDeps, accepted: Promise<T>): Promise<T> {
  try {
    return await accepted;
  } catch (thrown) {
    countRefused(deps, thrown);
    throw thrown;
  }
}

async function acceptMessage(
  deps: OutboxDeps,
  accountId: AccountId,
  request: SendRequest,
  {
    claim,
    alongside,
  }: { readonly claim: IdempotencyClaim | undefined } & Pick<AcceptOneOptions, 'alongside'>,
): Promise<Accepted> {
  using deadline = openFilesDeadline(deps.filesMs);
  const prepared = await prepareMessage(deps, accountId, request, deadline.signal);
  deps.onStep?.('content-kept');
  const answer = await transact(deps.db, async (trx) => {
    const [written] = await writeMessages(trx, accountId, [prepared], deps.clock);
    if (written === undefined || written.kind === 'refused') throw written?.error ?? new AppError('INTERNAL');
    const { messageId, status } = written;
    const completions = claim === undefined ? [] : [{ claim, messageId, status }];
    const lost = await completeIdempotencyClaims(trx, accountId, completions);
    // It took longer than a claim lives, and another request with the key is ahead.
    if (lost.size > 0) throw new AppError('IDEMPOTENCY_IN_PROGRESS');
    await alongside?.(trx, messageId);
    return { messageId, status };
  });
  deps.onStep?.('accept-committed');
  countAccepted(deps, prepared, answer.status);
  wakeSender(deps, { accountId, messageId: answer.messageId });
  deps.onStep?.('woken');
  return { ...answer, replayed: false };
}

/** Wakes what sends the account's messages, here or where it is; returns at once. */
export function wakeSender(
  { wake, enqueue, log }: Pick<OutboxDeps, 'wake' | 'enqueue' | 'log'>,
  job: OutboundJob,
): void {
  if (wake(job.accountId)) return;
  enqueue(job).catch((thrown: unknown) =>
    log.warn('The wake-up of the instance that holds an account could not be queued', {
      ...job,
      error: toError(thrown).message,
    }),
  );
}
