import { type AccountId, type MessageId, makeMessageId } from '../accounts/ids.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { type AddressPair, eventToLids, eventToPairs, toCanonicalEvent } from '../messages/address.ts';
import type { InboundEvent } from '../messages/inbound-event.ts';
import type { MessageStatus } from '../messages/message.ts';
import { upsertAdditions } from './addition-store.ts';
import { findPhones, findUnknownPairs, learnAddress } from './address-store.ts';
import { countStoredFinds } from './catch-up-ledger.ts';
import { appendChanges } from './change-log.ts';
import type { Executor } from './database.ts';
import { advancePosition, findInboundPosition } from './inbound-position.ts';
import { type IngestFigures, NO_FIGURES } from './ingest-figures.ts';
import { type IngestPlan, planIngest } from './ingest-plan.ts';
import {
  addUsage,
  claimKeys,
  findKeys,
  insertRows,
  insertWaitingChanges,
  isAccountThere,
  type KnownKey,
  lockAccountIngest,
  lockRows,
  type Target,
  updateRows,
} from './ingest-statements.ts';
import { type LeaseFence, lockHeld } from './lease-fence.ts';
import { insertVersions } from './message-additions.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';

/** What an ingest did, for whoever tells it on. */
export interface IngestResult {
  /** Messages that were not known before, in the order of their events. */
  readonly added: readonly MessageId[];
  /** Messages that were known and whose status is another now. */
  readonly statusChanged: readonly { readonly messageId: MessageId; readonly status: MessageStatus }[];
  /** Changes that wait for their message. */
  readonly waiting: number;
  /** Messages that were written and whose media are still to be fetched. */
  readonly awaitingMedia: number;
  /** Those of them that were known, and had no media to be fetched before. */
  readonly awaitedAnew: number;
  readonly figures: IngestFigures;
}

/** Which job the events are of; see `InboundJob`. */
export interface JobPlace {
  readonly run: string;
  readonly n: number;
  /** The catch-up that found them; what is new of them is counted there. */
  readonly catchUpId?: string;
}

const NOTHING: IngestResult = {
  added: [],
  statusChanged: [],
  waiting: 0,
  awaitingMedia: 0,
  awaitedAnew: 0,
  figures: NO_FIGURES,
};

/**
 * Stores events of one account in one transaction, all or none, with the same few statements for one event as for
 * hundreds. Repeating it changes nothing. A message is one by its canonical chat and bare id; a change of a message
 * that is not known yet waits for it in the database. Deleted messages keep what they said, with `revoked_at` set.
 * Events of an account that was purged are dropped. With a `place` the account's position in that run moves behind it in
 * the same transaction, and nothing is done if it is there already.
 *
 * What is really new is written into the log of changes, and counted: a repetition publishes nothing.
 *
 * `now` is the time of messages' own receipts and of the day's counters (received; failed by an ack). Text that PostgreSQL cannot hold (NUL) is
 * stored with U+FFFD in its place.
 * @throws AppError VALIDATION_FAILED if an event has not the shape of one; otherwise what the database throws, see
 * `isDataError`.
 */
export async function ingestEvents(
  db: Executor,
  accountId: AccountId,
  events: readonly InboundEvent[],
  now: Date,
  place?: JobPlace,
): Promise<IngestResult> {
  const storable = toStorable(events);
  for (const event of storable) checkEvent(event);
  // Merging chats locks them; messages and days, which others lock before chats, are locked in a transaction of their own.
  await ingestAddresses(
    db,
    accountId,
    shaped(() => storable.flatMap(eventToPairs)),
    now,
    { place },
  );
  return transact(db, async (trx) => {
    await lockAccountIngest(trx, accountId);
    const isNews =
      place === undefined ? isAccountThere(trx, accountId) : advancePosition(trx, accountId, place);
    if (!(await isNews)) return NOTHING;
    const named = await toFiled(trx, accountId, storable, now);
    const plan = await loadPlan(trx, accountId, named, now);
    const written = await writePlan(trx, accountId, plan, now);
    if (place?.catchUpId !== undefined && written > 0) await countStoredFinds(trx, place.catchUpId, written);
    return {
      added: plan.inserts.map((row) => row.id as MessageId),
      statusChanged: plan.statusChanged,
      waiting: plan.waiting.length,
      awaitingMedia: [...plan.inserts, ...plan.updates].filter((row) => row.media_status === 'pending')
        .length,
      awaitedAnew: plan.awaitedAnew,
      figures: plan.figures,
    };
  });
}

/** Where the addresses were told. */
interface AddressSource {
  /** A stored message, whose addresses are taken over whoever has the account by now. */
  readonly place?: JobPlace | undefined;
  /** A page, which has to be that of whoever has the account. */
  readonly fence?: LeaseFence | undefined;
}

/**
 * Takes over which numbers stand behind which LIDs: one conversation for both, as `learnAddress` has it. With a `place`
 * nothing is done if that job is stored already: by now other numbers may stand there.
 * @throws LeaseLostError if a `fence` is given that lets nothing pass
 */
export async function ingestAddresses(
  db: Executor,
  accountId: AccountId,
  pairs: readonly AddressPair[],
  now: Date,
  { place, fence }: AddressSource = {},
): Promise<void> {
  if ((await findUnknownPairs(db, accountId, pairs)).length === 0) return;
  await transact(db, async (trx) => {
    await lockAccountIngest(trx, accountId);
    const isThere = fence === undefined ? isAccountThere(trx, accountId) : lockHeld(trx, accountId, fence);
    if (!(await isThere)) return;
    if (place !== undefined && (await findInboundPosition(trx, accountId, place.run)) > place.n) return;
    const released = await learnAddresses(trx, accountId, pairs, now);
    if (released.length > 0)
      await writePlan(trx, accountId, await loadPlan(trx, accountId, released, now), now);
  });
}

/** Sets an event apart that cannot be stored, for a person to look at. */
export async function insertRejectedEvent(
  db: Executor,
  accountId: AccountId,
  event: InboundEvent,
  error: string,
): Promise<void> {
  await db
    .insertInto('rejected_events')
    .values({
      account_id: accountId,
      event: JSON.stringify(toStorable(event)),
      error: toStorable(error),
    })
    .execute();
}

/** Changes that waited for a message under the other address of its chat come back. */
async function learnAddresses(
  trx: Executor,
  accountId: AccountId,
  pairs: readonly AddressPair[],
  now: Date,
): Promise<readonly InboundEvent[]> {
  const released: InboundEvent[] = [];
  for (const pair of await findUnknownPairs(trx, accountId, pairs))
    released.push(...(await learnAddress(trx, accountId, pair, now)));
  return released;
}

/**
 * The events with chats and people under the names by which they are filed, once what they tell of addresses is learnt;
 * before them the changes that this released.
 */
async function toFiled(
  trx: Executor,
  accountId: AccountId,
  events: readonly InboundEvent[],
  now: Date,
): Promise<readonly InboundEvent[]> {
  const released = await learnAddresses(
    trx,
    accountId,
    shaped(() => events.flatMap(eventToPairs)),
    now,
  );
  const all = [...released, ...events];
  const phones = await findPhones(
    trx,
    accountId,
    shaped(() => all.flatMap(eventToLids)),
  );
  return all.map((event) => toCanonicalEvent(event, phones));
}

/** Names the events' messages in the key table first, so that whoever else writes the same key waits or yields. */
async function loadPlan(
  trx: Executor,
  accountId: AccountId,
  events: readonly InboundEvent[],
  now: Date,
): Promise<IngestPlan> {
  // A row is made of the first event of its message, whose time the id has to carry.
  const wanted = firstOfEach(events.filter((event) => event.kind === 'message'));
  const claims: KnownKey[] = wanted.map((event) => ({
    ...eventToTarget(event),
    message_id: makeMessageId(event.at),
  }));
  const { messageIds: claimed, waited } = await claimKeys(trx, accountId, claims);
  const added = claims.filter((key) => claimed.has(key.message_id));
  const known =
    added.length === wanted.length && events.every((event) => event.kind === 'message')
      ? []
      : await findKeys(trx, accountId, firstOfEach(events).map(eventToTarget));
  const older = known.filter((key) => !claimed.has(key.message_id));
  const rows =
    older.length === 0
      ? []
      : await lockRows(
          trx,
          older.map((key) => key.message_id),
        );
  return shaped(() => planIngest({ accountId, events, added, known: older, rows, waited, now }));
}

/** Returns how many messages and changes were new. */
async function writePlan(trx: Executor, accountId: AccountId, plan: IngestPlan, now: Date): Promise<number> {
  if (plan.inserts.length > 0) await insertRows(trx, plan.inserts);
  if (plan.updates.length > 0) await updateRows(trx, plan.updates);
  const additions = await upsertAdditions(trx, accountId, plan.additions);
  if (plan.waiting.length > 0) await insertWaitingChanges(trx, accountId, plan.waiting);
  if (plan.versions.length > 0) await insertVersions(trx, accountId, plan.versions);
  const { received, failed } = plan;
  if (received + failed > 0) await addUsage(trx, accountId, { received, failed }, now);
  const changes = plan.changes.filter(({ by }) => by === undefined || additions.seen.has(by));
  await appendChanges(
    trx,
    accountId,
    changes.map(({ change }) => change),
  );
  return plan.inserts.length + plan.updates.length + additions.count;
}

/** The first event of each message. */
function firstOfEach(events: readonly InboundEvent[]): InboundEvent[] {
  const first = new Map<string, InboundEvent>();
  for (const event of events) {
    const name = `${event.chatId}\0${event.key.bareId}`;
    if (!first.has(name)) first.set(name, event);
  }
  return [...first.values()];
}

function eventToTarget({ chatId, key }: InboundEvent): Target {
  return { chat_id: chatId, bare_id: key.bareId };
}

/** What the database could not refuse by itself: a time that is none would be stored as 1970. */
function checkEvent(event: InboundEvent): void {
  const named = shaped(
    () => typeof event.chatId === 'string' && event.chatId !== '' && event.key.bareId !== '',
  );
  if (named && typeof event.key.bareId === 'string' && Number.isFinite(event.at)) return;
  throw new AppError('VALIDATION_FAILED', { message: 'An inbound event has no name or no time.' });
}

/** Runs pure code on events from the queue; whatever it throws means that an event has not the shape of one. */
function shaped<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    if (isAppError(thrown)) throw thrown;
    throw new AppError('VALIDATION_FAILED', {
      message: 'An inbound event has not the shape of one.',
      cause: thrown,
    });
  }
}
