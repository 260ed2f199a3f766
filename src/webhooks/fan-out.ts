/**
 * Writes down what each webhook is owed of what the change feed reads, in the feed's own transaction: what was read is owed, and
 * what is owed was read. Bodies are written then and not when they are sent: a delivery that waits for hours tells of what
 * happened, as it was, also if the message has changed or is gone since. The price is one copy of the body a webhook.
 */
import type { MessageId } from '../accounts/ids.ts';
import type { ReasonCode } from '../accounts/reason.ts';
import { parseSessionState } from '../accounts/state.ts';
import type { AccountNews, FeedBatch, FeedChange } from '../db/change-feed-store.ts';
import type { Executor } from '../db/database.ts';
import { listMessagesOfAny, type StoredMessage } from '../db/message-store.ts';
import { transact } from '../db/transaction.ts';
import {
  findStateBefore,
  lockView,
  type StoredView,
  saveView,
  takeHeld,
} from '../db/webhook-account-views.ts';
import { addDeliveries } from '../db/webhook-outbox.ts';
import { existWebhooks, listSubscribed, type Webhook } from '../db/webhook-store.ts';
import type { Clock } from '../lib/clock.ts';
import { foldGrace, foldState, stateToView } from './account-fold.ts';
import {
  chatLane,
  eventToPayload,
  makeEventId,
  newsToAccountEvent,
  stateToEvent,
  type WebhookEventData,
} from './event.ts';
import { isOwedSince } from './owed-since.ts';

/** Messages that are read, and written down, at a time. */
const PORTION = 100;

export interface FanOutDeps {
  /** The message as the API shows it. */
  readonly messageToView: (message: StoredMessage) => object;
  /** Trouble that passes within this is not told, in milliseconds. */
  readonly graceMs: number;
  readonly clock: Pick<Clock, 'now'>;
}

/** What the change feed asks of its subscriptions. */
export interface FanOut {
  exist(db: Executor): Promise<boolean>;
  fanOut(trx: Executor, batch: FeedBatch): Promise<void>;
  committed(batch: FeedBatch): void;
  /** Calls the handler for each batch once it is committed; it returns at once and never throws. The function ends that. */
  onCommitted(handler: (batch: FeedBatch) => void): () => void;
  /** Writes down trouble of accounts that has lasted. True if there was some, and may be more. */
  fanOutHeld(db: Executor): Promise<boolean>;
  /** Ids of webhooks that something was written down for since this was asked last. */
  takeOwed(): readonly string[];
}

export function makeFanOut(deps: FanOutDeps): FanOut {
  const owed = new Set<string>();
  const handlers = new Set<(batch: FeedBatch) => void>();
  return {
    exist: existWebhooks,

    async fanOut(trx, { changes, news }) {
      const tenants = new Set([...changes, ...news].map(({ tenantId }) => tenantId));
      const webhooks = await listSubscribed(trx, [...tenants]);
      if (webhooks.length === 0) return;
      const to = { deps, webhooks, owed };
      await tellMessages(trx, changes, to);
      await write(trx, (await newsToEvents(trx, news, to)).map(alone), to);
    },

    committed(batch) {
      for (const handler of handlers) handler(batch);
    },

    onCommitted(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },

    fanOutHeld: (db) => transact(db, (trx) => tellHeld(trx, deps, owed)),

    takeOwed() {
      const taken = [...owed];
      owed.clear();
      return taken;
    },
  };
}

interface To {
  readonly deps: FanOutDeps;
  readonly webhooks: readonly Webhook[];
  /** Whose ids are added as something is written down for them. */
  readonly owed: Set<string>;
}

/** Whether the webhook is owed this. */
export function isOwed(webhook: Webhook, event: Omit<WebhookEventData, 'data' | 'id' | 'lane'>): boolean {
  const { tenantId, accountId, events, owedSince } = webhook;
  return (
    tenantId === event.tenantId &&
    (accountId === null || accountId === event.accountId) &&
    events.some((each) => each === event.type) &&
    isOwedSince(owedSince, event)
  );
}

/** What says the same: each webhook is told by the first of these that it is owed. */
type Telling = readonly WebhookEventData[];

const alone = (event: WebhookEventData): Telling => [event];

async function write(trx: Executor, tellings: readonly Telling[], to: To): Promise<void> {
  const deliveries = tellings.flatMap((telling) => {
    const payloads = new Map<WebhookEventData, string>();
    return to.webhooks.flatMap((webhook) => {
      const event = telling.find((each) => isOwed(webhook, each));
      if (event === undefined) return [];
      const payload = payloads.get(event) ?? eventToPayload(event);
      payloads.set(event, payload);
      const { id: eventId, type, accountId, lane } = event;
      const isDead = webhook.status === 'failed';
      return { webhookId: webhook.id, eventId, type, accountId, lane, payload, isDead };
    });
  });
  await addDeliveries(trx, deliveries, new Date(to.deps.clock.now()));
  for (const { webhookId } of deliveries) to.owed.add(webhookId);
}

/** What has happened to one message since it was last told of: it became known, perhaps, and what came last. */
interface MessageNews {
  readonly first: FeedChange | undefined;
  readonly last: FeedChange;
}

async function tellMessages(trx: Executor, changes: readonly FeedChange[], to: To): Promise<void> {
  const news = new Map<MessageId, MessageNews>();
  for (const last of changes) {
    const first = last.kind === 'message' ? last : news.get(last.messageId)?.first;
    news.set(last.messageId, { first, last });
  }
  const wanted = [...news.values()].filter(
    ({ first, last }) =>
      isAnyOwed(last, to.webhooks) || (first !== undefined && isAnyOwed(first, to.webhooks)),
  );
  for (let at = 0; at < wanted.length; at += PORTION) {
    const portion = wanted.slice(at, at + PORTION);
    const ids = portion.map(({ last }) => last.messageId);
    const found = new Map((await listMessagesOfAny(trx, ids)).map((message) => [message.id, message]));
    const tellings = portion.flatMap((each) => {
      const message = found.get(each.last.messageId);
      // It may have been deleted since.
      return message === undefined ? [] : [messageToTelling(each, message, to.deps)];
    });
    await write(trx, tellings, to);
  }
}

function isAnyOwed({ tenantId, accountId, at, xid }: FeedChange, webhooks: readonly Webhook[]): boolean {
  const of = { tenantId, accountId, at, xid };
  return webhooks.some(
    (webhook) =>
      isOwed(webhook, { ...of, type: 'message.received' }) ||
      isOwed(webhook, { ...of, type: 'message.status' }),
  );
}

/**
 * An incoming message that has just become known is told as such. Who did not ask for that is told what has become of it since,
 * or had before it came.
 */
function messageToTelling(
  { first, last }: MessageNews,
  message: StoredMessage,
  { messageToView }: FanOutDeps,
): Telling {
  const data = messageToView(message);
  const status = {
    ...changeToEvent(last, data),
    // Numbers of the log stay with their changes, whatever the chats come to.
    id: makeEventId('message', last.accountId, message.id, last.id),
    type: 'message.status',
  } as const;
  if (first === undefined || message.direction === 'outgoing') return [status];
  const received = {
    ...changeToEvent(first, data),
    id: makeEventId('received', first.accountId, message.id),
    type: 'message.received',
  } as const;
  return last !== first || isMoreThanReceived(message) ? [received, status] : [received];
}

/** Whether something became of it before it was there: what that came to has no change of its own. */
function isMoreThanReceived({ editedAt, revokedAt, reactions, votes }: StoredMessage): boolean {
  return editedAt !== null || revokedAt !== null || reactions.length + votes.length > 0;
}

function changeToEvent({ tenantId, accountId, chatId, at, xid }: FeedChange, data: object) {
  return { at, xid, tenantId, accountId, lane: chatLane(accountId, chatId), data };
}

/** In the order of what happened. */
async function newsToEvents(
  trx: Executor,
  news: readonly AccountNews[],
  { deps, webhooks }: To,
): Promise<readonly WebhookEventData[]> {
  const subscribed = new Set(webhooks.map(({ tenantId }) => tenantId));
  const events: WebhookEventData[] = [];
  for (const each of news) {
    if (!subscribed.has(each.tenantId)) continue;
    const event = newsToAccountEvent(each);
    if (event !== undefined) events.push(event);
    events.push(...(await tellState(trx, each, deps)));
  }
  return events;
}

async function tellState(
  trx: Executor,
  news: AccountNews,
  { graceMs }: FanOutDeps,
): Promise<readonly WebhookEventData[]> {
  const { kind, state, reason, accountId } = news;
  if (kind !== 'state' || state === null) return [];
  const stored = await lockView(trx, accountId);
  const before = await findStateBefore(trx, accountId, news.id);
  // Of an account that nobody followed for a while, what was told then is no longer what is known.
  const isFollowed = stored !== undefined && stored.eventId === before?.eventId;
  const view = isFollowed ? stored.view : stateToView(before?.state ?? null);
  const change = { state: parseSessionState(state), reason: reason as ReasonCode | null };
  const step = foldState(view, change, { at: news.at.getTime(), graceMs });
  await saveView(trx, accountId, { eventId: news.id, view: step.view });
  // What had been held until then was not written by this one's transaction.
  return step.told.map((told) => ({
    ...stateToEvent(news, told),
    xid: told.at === news.at.getTime() ? news.xid : null,
  }));
}

async function tellHeld(trx: Executor, deps: FanOutDeps, owed: Set<string>): Promise<boolean> {
  const now = deps.clock.now();
  const held = await takeHeld(trx, new Date(now));
  if (held.length === 0) return false;
  const webhooks = await listSubscribed(trx, [...new Set(held.map(({ tenantId }) => tenantId))]);
  const events: WebhookEventData[] = [];
  for (const each of held) {
    const step = foldGrace(each.view, now);
    const next: StoredView = { eventId: each.eventId, view: step.view };
    await saveView(trx, each.accountId, next);
    events.push(...step.told.map((told) => stateToEvent(each, told)));
  }
  await write(trx, events.map(alone), { deps, webhooks, owed });
  return true;
}
