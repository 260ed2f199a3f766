/**
 * Accepts many messages of one account: prepared side by side, written in their order, a portion in a transaction. Each stands
 * for itself, as if it had been sent alone: what is wrong with one is told of that one.
 *
 * An item's key is completed in the transaction that writes its message, so whoever asks again after a crash gets the
 * messages that exist and accepts the others.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import {
  type ClaimResult,
  type Completion,
  completeIdempotencyClaims,
  type IdempotencyClaim,
  type IdempotentAnswer,
} from '../db/idempotency-store.ts';
import { transact } from '../db/transaction.ts';
import { mapBounded } from '../lib/bounded.ts';
import { AppError, toError } from '../lib/errors.ts';
import {
  type AcceptanceDeps,
  countAccepted,
  countRefused,
  type PreparedMessage,
  prepareMessage,
  writeMessages,
} from './acceptance.ts';
import type { BulkItem, BulkOutcome } from './bulk-outcome.ts';
import { openFilesDeadline } from './files-deadline.ts';
import type { IdempotencyKeys } from './idempotency-keys.ts';

/** Files that are fetched side by side. */
const PREPARED_AT_ONCE = 8;
/** Messages of one transaction: what comes in between, a single send say, waits for one of these at most. */
const PORTION = 100;

export interface BulkDeps extends AcceptanceDeps {
  readonly keys: IdempotencyKeys;
  /** Milliseconds that the files of one request may take together; as ACCEPTANCE_TERMS has it if it is not given. */
  readonly filesMs?: number;
}

export interface BulkRequest {
  readonly accountId: AccountId;
  readonly items: readonly BulkItem[];
  /** Throws if no new message may be accepted. */
  readonly checkNew?: (() => void) | undefined;
  /** Done in each transaction that stores some of them, with how many those are. */
  readonly alongside?: ((trx: Executor, accepted: number) => Promise<void>) | undefined;
}

/** An item that no earlier request has accepted. */
interface FreshItem {
  readonly nth: number;
  readonly item: BulkItem;
  readonly claim: IdempotencyClaim | null;
}

type PreparedItem = FreshItem & { readonly message: PreparedMessage };

/** What became of each item, in their order. It rejects only if nothing was accepted. */
export async function acceptItems(deps: BulkDeps, request: BulkRequest): Promise<readonly BulkOutcome[]> {
  const { accountId, items } = request;
  const firstOf = new Map<string, number>();
  for (const [nth, { idempotencyKey }] of items.entries()) {
    if (idempotencyKey !== null && !firstOf.has(idempotencyKey)) firstOf.set(idempotencyKey, nth);
  }
  const wishes = [...firstOf].map(([key, nth]) => ({ key, requestHash: items[nth]?.requestHash ?? '' }));
  return deps.keys.claimAll(accountId, wishes, async (claims) => {
    const outcomes = new Map<number, BulkOutcome>();
    const fresh: FreshItem[] = [];
    for (const [nth, item] of items.entries()) {
      const { idempotencyKey: key } = item;
      // The second of two items with one key is answered as the first one is.
      if (key !== null && firstOf.get(key) !== nth) continue;
      const claimed = key === null ? undefined : claims.get(key);
      if (claimed === undefined) fresh.push({ nth, item, claim: null });
      else if (claimed.kind === 'claimed') fresh.push({ nth, item, claim: claimed.claim });
      else outcomes.set(nth, earlierToOutcome(claimed));
    }
    await acceptFresh(deps, request, { fresh, outcomes });
    return items.map((item, nth) => outcomes.get(nth) ?? repeatOf(items, { item, firstOf, outcomes }));
  });
}

function earlierToOutcome(claimed: Exclude<ClaimResult, { kind: 'claimed' }>): BulkOutcome {
  switch (claimed.kind) {
    case 'stored':
      return { kind: 'accepted', messageId: claimed.messageId, status: claimed.status };
    case 'in-progress':
      return { kind: 'rejected', error: new AppError('IDEMPOTENCY_IN_PROGRESS') };
    case 'answered':
    case 'other-request':
      return { kind: 'rejected', error: new AppError('IDEMPOTENCY_CONFLICT') };
    default:
      return claimed satisfies never;
  }
}

function repeatOf(
  items: readonly BulkItem[],
  given: {
    readonly item: BulkItem;
    readonly firstOf: ReadonlyMap<string, number>;
    readonly outcomes: ReadonlyMap<number, BulkOutcome>;
  },
): BulkOutcome {
  const { item, firstOf, outcomes } = given;
  const first = firstOf.get(item.idempotencyKey ?? '') ?? -1;
  const outcome = outcomes.get(first);
  if (outcome === undefined || items[first]?.requestHash !== item.requestHash)
    return { kind: 'rejected', error: new AppError('IDEMPOTENCY_CONFLICT') };
  return outcome;
}

interface FreshWork {
  readonly fresh: readonly FreshItem[];
  readonly outcomes: Map<number, BulkOutcome>;
}

async function acceptFresh(
  deps: BulkDeps,
  request: BulkRequest,
  { fresh, outcomes }: FreshWork,
): Promise<void> {
  const { accountId, checkNew } = request;
  const reject = (nth: number, thrown: unknown) =>
    outcomes.set(nth, { kind: 'rejected', error: toError(thrown) });
  using deadline = openFilesDeadline(deps.filesMs);
  const prepared = await mapBounded(fresh, PREPARED_AT_ONCE, async (each) => {
    try {
      checkNew?.();
      return [
        { ...each, message: await prepareMessage(deps, accountId, each.item.request, deadline.signal) },
      ];
    } catch (thrown) {
      reject(each.nth, thrown);
      return [];
    }
  });
  const messages = new Map(prepared.flat().map(({ nth, message }) => [nth, message]));
  const waiting = prepared.flat();
  try {
    while (waiting.length > 0)
      await writePortion(deps, request, { items: waiting.splice(0, PORTION), outcomes });
  } catch (thrown) {
    // The database is away, as a rule: what was accepted before stands, and the rest is told.
    for (const { nth } of fresh) if (!outcomes.has(nth)) reject(nth, thrown);
  }
  for (const { nth } of fresh) {
    const [outcome, message] = [outcomes.get(nth), messages.get(nth)];
    if (outcome?.kind === 'rejected') countRefused(deps, outcome.error);
    else if (outcome !== undefined && message !== undefined) countAccepted(deps, message, outcome.status);
  }
  const unused = fresh.flatMap(({ nth, claim }) =>
    claim !== null && outcomes.get(nth)?.kind === 'rejected' ? [claim] : [],
  );
  await deps.keys.release(accountId, unused);
}

/** Thrown to undo a transaction: other requests with these keys were ahead. */
class KeysLost extends Error {
  readonly keys: ReadonlySet<string>;

  constructor(keys: ReadonlySet<string>) {
    super('Other requests with the same keys were ahead.');
    this.keys = keys;
  }
}

async function writePortion(
  deps: BulkDeps,
  request: BulkRequest,
  {
    items,
    outcomes,
  }: { readonly items: readonly PreparedItem[]; readonly outcomes: Map<number, BulkOutcome> },
): Promise<void> {
  for (let left = items; left.length > 0; ) {
    try {
      const told = await writeOnce(deps, request, left);
      for (const [nth, outcome] of told) outcomes.set(nth, outcome);
      return;
    } catch (thrown) {
      if (!(thrown instanceof KeysLost)) throw thrown;
      const isLost = ({ claim }: PreparedItem) => claim !== null && thrown.keys.has(claim.key);
      const error = new AppError('IDEMPOTENCY_IN_PROGRESS');
      for (const { nth } of left.filter(isLost)) outcomes.set(nth, { kind: 'rejected', error });
      left = left.filter((item) => !isLost(item));
    }
  }
}

function writeOnce(
  { db, clock }: BulkDeps,
  { accountId, alongside }: BulkRequest,
  items: readonly PreparedItem[],
): Promise<ReadonlyMap<number, BulkOutcome>> {
  return transact(db, async (trx) => {
    const messages = items.map(({ message }) => message);
    const written = await writeMessages(trx, accountId, messages, clock);
    const told = new Map<number, BulkOutcome>();
    const completions: Completion[] = [];
    for (const [place, { nth, claim }] of items.entries()) {
      const result = written[place];
      if (result === undefined) continue;
      if (result.kind === 'refused') {
        told.set(nth, { kind: 'rejected', error: result.error });
        continue;
      }
      const answer: IdempotentAnswer = { messageId: result.messageId, status: result.status };
      told.set(nth, { kind: 'accepted', ...answer });
      if (claim !== null) completions.push({ claim, ...answer });
    }
    const lost = await completeIdempotencyClaims(trx, accountId, completions);
    if (lost.size > 0) throw new KeysLost(lost);
    const accepted = [...told.values()].filter(({ kind }) => kind === 'accepted').length;
    if (accepted > 0) await alongside?.(trx, accepted);
    return told;
  });
}
