/**
 * Keeps what the database knows of an account's people and chats like its page: who has which LID and number, names,
 * and what is unread. It is read when the account connects, and again while messages are stored, at most once in
 * `pauseMs`: listening to every change of a page's chats would cost more than the messages themselves.
 *
 * The addresses are taken over first, so that everything else is filed under the right name.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { ChatListing, ConnectedSession, ContactGlimpse, ListRange } from '../channels/channel.ts';
import { findPhones } from '../db/address-store.ts';
import { saveChats } from '../db/chat-store.ts';
import { type ContactFacts, mergeContacts, saveContacts } from '../db/contact-store.ts';
import type { Executor } from '../db/database.ts';
import { ingestAddresses } from '../db/ingest-store.ts';
import { type LeaseFence, NO_FENCE } from '../db/lease-fence.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import { toAddressPair } from './address.ts';

/** Read from the page, and written, at a time: a page that moves more stands still noticeably. */
const PART = 500;

/** The shortest time from one reading to the next; milliseconds. */
const PAUSE_MS = 30_000;

export interface DirectoryOptions {
  readonly db: Executor;
  /** What was read is written under the lease of its account: by then another phone may be linked. */
  readonly fence?: LeaseFence;
  readonly log: Logger;
  readonly clock: Clock;
  readonly pauseMs?: number;
}

export interface Directory extends AsyncDisposable {
  /** Keeps the account's directory until the signal aborts. Call it at each connection; never rejects. */
  run(session: ConnectedSession, signal: AbortSignal): Promise<void>;
  /** Something of the account was stored. Returns at once; ignored while it is not connected. */
  wake(accountId: AccountId): void;
}

/** Opens the directories. Disposing ends all runs and waits for them. */
export function openDirectory(options: DirectoryOptions): Directory {
  const wakes = new Map<AccountId, Wake>();
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  return {
    async run(session, signal) {
      const wake = new Wake();
      wakes.set(session.accountId, wake);
      const ended = keep(options, session, { wake, signal: AbortSignal.any([signal, closing.signal]) });
      running.add(ended);
      await ended;
      running.delete(ended);
      if (wakes.get(session.accountId) === wake) wakes.delete(session.accountId);
    },
    wake(accountId) {
      wakes.get(accountId)?.wake();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all(running);
    },
  };
}

async function keep(
  options: DirectoryOptions,
  session: ConnectedSession,
  { wake, signal }: { readonly wake: Wake; readonly signal: AbortSignal },
): Promise<void> {
  const log = options.log.child({ accountId: session.accountId });
  for (let failures = 0; !signal.aborted; ) {
    try {
      await readDirectory(options, session, signal);
      failures = 0;
      await waitMs(options.pauseMs ?? PAUSE_MS, signal);
      await wake.wait(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      failures += 1;
      log.warn('The contacts and chats of an account could not be read', { error: toError(thrown).message });
      await waitMs(backoffDelayMs(failures + 1), signal).catch(() => undefined);
    }
  }
}

async function readDirectory(
  { db, fence = NO_FENCE, clock }: DirectoryOptions,
  session: ConnectedSession,
  signal: AbortSignal,
): Promise<void> {
  const { accountId } = session;
  const now = () => new Date(clock.now());
  const people = await readAll(
    (range) => orAborted(session.readContacts(range), signal),
    ({ pageContactId }) => pageContactId,
  );
  const chats = await readAll(
    (range) => orAborted(session.readChatList(range), signal),
    ({ pageChatId }) => pageChatId,
  );
  const pairs = [
    ...people.map(({ lid, phone }) => toAddressPair(lid, phone)),
    ...chats.map(({ pageChatId, chatId }) => toAddressPair(pageChatId, chatId)),
  ].flatMap((pair) => pair ?? []);
  for (const part of partsOf(pairs)) {
    signal.throwIfAborted();
    await ingestAddresses(db, accountId, part, now(), { fence });
  }
  // Two entries of a person may lie in two parts: the later one would take back what the earlier one says.
  for (const part of partsOf(await toContacts(db, accountId, people))) {
    signal.throwIfAborted();
    await saveContacts(db, accountId, part, now(), fence);
  }
  for (const part of partsOf(chats)) {
    signal.throwIfAborted();
    await saveChats(db, accountId, part.map(toChatFacts), now(), fence);
  }
}

async function toContacts(
  db: Executor,
  accountId: AccountId,
  people: readonly ContactGlimpse[],
): Promise<readonly ContactFacts[]> {
  const contacts = people
    .filter(({ isMe }) => !isMe)
    .map(({ pageContactId, phone, name, pushName, isBusiness }) => ({
      contactId: phone ?? pageContactId,
      name,
      pushName,
      isBusiness,
    }));
  const ids = contacts.map(({ contactId }) => contactId);
  return mergeContacts(contacts, await findPhones(db, accountId, ids));
}

function toChatFacts({ chatId, name, unread, lastMessageAt }: ChatListing) {
  return { chatId, name, unread, lastMessageAt: lastMessageAt === 0 ? null : lastMessageAt };
}

/** A whole list of the page, part by part. */
async function readAll<Item>(
  read: (range: ListRange) => Promise<readonly Item[]>,
  idOf: (item: Item) => string,
): Promise<readonly Item[]> {
  const all: Item[] = [];
  for (let after: string | null = null; ; ) {
    const part: readonly Item[] = await read({ after, limit: PART });
    all.push(...part);
    const last = part.at(-1);
    if (part.length < PART || last === undefined) return all;
    after = idOf(last);
  }
}

function partsOf<Item>(items: readonly Item[]): (readonly Item[])[] {
  const parts: (readonly Item[])[] = [];
  for (let from = 0; from < items.length; from += PART) parts.push(items.slice(from, from + PART));
  return parts;
}
