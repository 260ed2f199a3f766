/**
 * The messages of an account as they become known: each once, and again as its reactions and votes change. Events say at once
 * that there is something new; what the API lists is the truth: it is asked at the beginning and after each absence that
 * Socket.IO could not bridge.
 */
import type { Socket } from 'socket.io-client';
import type { RealtimeEvents } from '../client/client.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import { AppError, type ErrorCode, isAppError } from '../lib/errors.ts';
import { Wake } from '../lib/wake.ts';
import type { ApiClient, MessageFilter } from './api-client.ts';
import type { MessageView } from './api-views.ts';
import { toKnownCode } from './daemon-error.ts';

/** So far back it is looked again after an absence: messages become known some time after they were sent. Milliseconds. */
const OVERLAP_MS = 300_000;
/** Ids that are kept to print nothing twice; more than can lie within the overlap at the pace of a person's reading. */
const MAX_SEEN = 20_000;

export interface FollowOptions {
  readonly accountId: string;
  /** What is to be shown, as the list takes it. */
  readonly filter: MessageFilter;
  /** Messages of the past that are shown first. */
  readonly first: number;
  /** Called when the daemon is away for longer than a moment, and when it is back. */
  readonly onPresence: (presence: 'away' | 'back') => void;
  readonly signal: AbortSignal;
}

/**
 * Yields them, oldest first, until the signal aborts. A message of before, too, is yielded when somebody reacts to it or votes
 * in it.
 * @throws AppError if the daemon refuses to tell
 */
export async function* followMessages(
  api: ApiClient,
  { accountId, filter, first, onPresence, signal }: FollowOptions,
): AsyncGenerator<MessageView> {
  // Socket.IO would wait without a word for a daemon that is not there, and knows nothing of accounts.
  await api.getAccount(accountId);
  const seen = new Map<string, string>();
  let newestMs = api.now();
  // Reactions are dated by the second.
  const startedMs = Math.floor(newestMs / 1000) * 1000;
  const pass = function* (messages: readonly MessageView[]) {
    for (const message of messages) {
      newestMs = Math.max(newestMs, Date.parse(message.timestamp));
      const additions = additionsText(message);
      if (seen.get(message.messageId) === additions || !isWanted(message, filter)) continue;
      seen.set(message.messageId, additions);
      const [oldest] = seen.keys();
      if (seen.size > MAX_SEEN && oldest !== undefined) seen.delete(oldest);
      yield message;
    }
  };
  using events = new MessageEvents(api.openEvents(), { accountId, onPresence });
  // From here on everything is told that is not listed.
  await events.next(signal);
  const past = await api.listMessages(accountId, { ...filter, limit: String(first) });
  const floorMs = Date.parse(past.at(-1)?.timestamp ?? '') || newestMs;
  yield* pass(past.toReversed());
  const find = async (news: News): Promise<readonly MessageView[]> => {
    if (news.kind === 'message') return [news.message];
    if (news.kind === 'status')
      return isNews(news.message, seen.get(news.message.messageId), startedMs)
        ? [await api.getMessage(news.message.messageId)]
        : [];
    const since = new Date(Math.max(floorMs, newestMs - OVERLAP_MS)).toISOString();
    return (await api.listAllMessages(accountId, { ...filter, since })).toReversed();
  };
  for (;;) {
    const news = await events.next(signal);
    try {
      yield* pass(await find(news));
    } catch (thrown) {
      // It was deleted since.
      if (isAppError(thrown, 'MESSAGE_NOT_FOUND')) continue;
      if (!isAppError(thrown) || !MAY_PASS.has(thrown.code)) throw thrown;
      await waitMs(RETRY_MS, signal);
      events.missed();
    }
  }
}

/** What a daemon answers that is away or busy for a moment. */
const MAY_PASS: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'RATE_LIMIT_EXCEEDED', 'INTERNAL']);
/** Pause before it is asked again; milliseconds. */
const RETRY_MS = 2_000;
/** Attempts to connect that fail, one after another, before that is told: some seconds. */
const AWAY_FAILURES = 2;

/** The daemon tells of all messages of the account; an outgoing one is first told by its status. */
function isWanted({ direction, phoneNumber, status }: MessageView, filter: MessageFilter): boolean {
  return (
    (filter.direction ?? direction) === direction &&
    (filter.phoneNumber ?? phoneNumber) === phoneNumber &&
    (filter.status ?? status) === status
  );
}

type Status = Pick<MessageView, 'messageId' | 'direction' | 'reactions' | 'votes'>;

/** Who has reacted and voted, and how; when, and in which order, does not matter. */
function additionsText({ reactions, votes }: Pick<MessageView, 'reactions' | 'votes'>): string {
  return JSON.stringify([
    reactions.map(({ senderId, emoji }) => JSON.stringify([senderId, emoji])).sort(),
    votes?.map(({ voterId, options }) => JSON.stringify([voterId, options])).sort(),
  ]);
}

/** Whether a step of a message lets it be shown; `shown` is what others had added when it was shown last. */
function isNews(status: Status, shown: string | undefined, startedMs: number): boolean {
  if (shown !== undefined) return shown !== additionsText(status);
  const added = [...status.reactions, ...(status.votes ?? [])];
  return status.direction === 'outgoing' || added.some(({ at }) => Date.parse(at) >= startedMs);
}

type News =
  | { readonly kind: 'message'; readonly message: MessageView }
  | { readonly kind: 'status'; readonly message: Status }
  /** Something may have been missed. */
  | { readonly kind: 'gap' };
type Refusal = { readonly kind: 'refused'; readonly error: AppError };

/** What the daemon tells of one account, one after another. */
class MessageEvents implements Disposable {
  readonly #socket: Socket<RealtimeEvents>;
  readonly #waiting: (News | Refusal)[] = [];
  readonly #wake = new Wake();

  constructor(
    socket: Socket<RealtimeEvents>,
    { accountId, onPresence }: Pick<FollowOptions, 'accountId' | 'onPresence'>,
  ) {
    this.#socket = socket;
    let failures = 0;
    socket.on('connect', () => {
      if (failures >= AWAY_FAILURES) onPresence('back');
      failures = 0;
      if (!socket.recovered) this.#take({ kind: 'gap' });
    });
    socket.on('message:received', (message) => {
      if (message.accountId === accountId) this.#take({ kind: 'message', message });
    });
    socket.on('message:status', (message) => {
      if (message.accountId === accountId) this.#take({ kind: 'status', message });
    });
    socket.on('disconnect', (reason) => {
      // Socket.IO comes back by itself but for this one, after which it is told why it may not.
      if (reason === 'io server disconnect') socket.connect();
    });
    socket.on('connect_error', (error: Error & { data?: { code?: string; message?: string } }) => {
      if (error.data?.code !== undefined) return this.#hearRefusal(error.data);
      // Nobody answered, and it is tried again.
      failures += 1;
      if (failures === AWAY_FAILURES) onPresence('away');
    });
    socket.connect();
  }

  async next(signal: AbortSignal): Promise<News> {
    for (;;) {
      const news = this.#waiting.shift();
      if (news?.kind === 'refused') throw news.error;
      if (news !== undefined) return news;
      await orAborted(this.#wake.wait(signal), signal);
    }
  }

  /** What is told next begins with what may have been missed. */
  missed(): void {
    this.#waiting.unshift({ kind: 'gap' });
    this.#wake.wake();
  }

  [Symbol.dispose](): void {
    this.#socket.disconnect();
  }

  #hearRefusal({ code = '', message }: { readonly code?: string; readonly message?: string }): void {
    const error = new AppError(toKnownCode(code, 503), message === undefined ? {} : { message });
    this.#take({ kind: 'refused', error });
  }

  #take(news: News | Refusal): void {
    this.#waiting.push(news);
    this.#wake.wake();
  }
}
