/**
 * Reads one chat back from the page as far as a window says and emits what is missing, oldest first, in bounded memory.
 *
 * Pages come newest first. The reader goes down to the window's end and keeps the messages that the database lacks; of
 * the newer ones it keeps only names and depths if there are too many. It emits what it holds, then goes up again
 * for the rest. Messages that arrive meanwhile are told live and are not its concern; they only shift the pages.
 */
import type { ChatGlimpse } from '../channels/channel.ts';
import type { KnownMessage } from '../db/catch-up-store.ts';
import { AppError } from '../lib/errors.ts';
import type { ReadBackWindow } from './catch-up-window.ts';
import { ChatTrack, type LocatedPage, PAGE_SIZE } from './chat-track.ts';
import type { InboundEvent, ReadMessage, ReadPlace } from './inbound-event.ts';
import { isDoubtful, toMissedChanges, toMissedMessage } from './reconcile.ts';

/** Whole messages that are held in memory at a time, beyond a page. */
const MAX_HELD = 500;

/** Reads in a row that may miss what is looked for before the chat is given up for now. */
const MAX_SEARCHES = 100;

export interface ReadBackDeps {
  readonly readPage: (chat: ChatGlimpse, offset: number, limit: number) => Promise<readonly ReadPlace[]>;
  readonly listKnown: (events: readonly ReadMessage[]) => Promise<readonly KnownMessage[]>;
  /** Resolves when the lane has passed the events on. */
  readonly emit: (events: readonly InboundEvent[]) => Promise<void>;
  readonly now: () => number;
}

export interface ReadBackCount {
  /** Pages read. */
  readonly pages: number;
  /** Messages read, each once. */
  readonly read: number;
  /** Messages emitted that the database lacked. */
  readonly recovered: number;
  /** Changes emitted of messages that the database has. */
  readonly changed: number;
  /** Messages that are to be read once more: what the database has of them is too new to be judged by this read. */
  readonly doubtful: number;
}

interface Missing {
  readonly event: ReadMessage;
  readonly depth: number;
}

/**
 * Resolves when everything of the chat that lies in the window has been emitted or was known.
 * @throws what the deps throw; SESSION_FAULT if the chat changes too fast. What was emitted may be emitted again.
 */
export async function readChatBack(
  chat: ChatGlimpse,
  window: ReadBackWindow,
  deps: ReadBackDeps,
): Promise<ReadBackCount> {
  return new ChatReadBack(chat, window, deps).run();
}

class ChatReadBack {
  readonly #chat: ChatGlimpse;
  readonly #window: ReadBackWindow;
  readonly #deps: ReadBackDeps;
  readonly #track = new ChatTrack();
  /** The deepest missing messages, whole. */
  #held: Missing[] = [];
  /** Missing messages above the held ones: bare id → depth. */
  readonly #named = new Map<string, number>();
  /** When the last page was asked for. */
  #readAt = 0;
  #pages = 0;
  #read = 0;
  #recovered = 0;
  #changed = 0;
  #doubtful = 0;

  constructor(chat: ChatGlimpse, window: ReadBackWindow, deps: ReadBackDeps) {
    this.#chat = chat;
    this.#window = window;
    this.#deps = deps;
  }

  async run(): Promise<ReadBackCount> {
    await this.#goDown();
    await this.#recover(this.#held);
    this.#held = [];
    await this.#goUp();
    return {
      pages: this.#pages,
      read: this.#read,
      recovered: this.#recovered,
      changed: this.#changed,
      doubtful: this.#doubtful,
    };
  }

  async #goDown(): Promise<void> {
    for (let searches = 0; ; ) {
      const offset = this.#track.offsetBehind();
      const events = await this.#readPage(offset);
      const page = this.#track.locate(events, offset);
      const fresh = page === undefined ? 0 : await this.#sift(page);
      const oldest = events.at(-1);
      if (page === undefined) this.#track.search(events);
      else if (events.length < PAGE_SIZE || oldest === undefined) return;
      else if (!this.#isWanted(oldest, page.depth + events.length - 1)) return;
      searches = fresh > 0 ? 0 : countSearch(searches);
    }
  }

  #readPage(offset: number): Promise<readonly ReadPlace[]> {
    this.#pages += 1;
    this.#readAt = this.#deps.now();
    return this.#deps.readPage(this.#chat, offset, PAGE_SIZE);
  }

  #isWanted({ at }: ReadPlace, depth: number): boolean {
    const { floor, atLeast, bottom } = this.#window;
    return at >= floor || (depth < atLeast && at >= bottom);
  }

  /** Keeps what the database lacks and emits what it has in an older state. Returns how many were not met before. */
  async #sift(page: LocatedPage): Promise<number> {
    const met = this.#track.add(page);
    const fresh = met.flatMap(({ event, depth }) =>
      event.kind === 'message' && this.#isWanted(event, depth) ? [{ event, depth }] : [],
    );
    this.#read += fresh.length;
    const listed = await this.#deps.listKnown(fresh.map(({ event }) => event));
    const known = new Map(listed.map((message) => [message.bareId, message]));
    const nowMs = this.#deps.now();
    const times = { nowMs, readAgoMs: nowMs - this.#readAt };
    const changes: InboundEvent[] = [];
    for (const { event, depth } of fresh) {
      const message = known.get(event.key.bareId);
      if (message === undefined) this.#held.push({ event, depth });
      else {
        changes.push(...toMissedChanges(event, message, times));
        if (isDoubtful(event, message, times.readAgoMs)) this.#doubtful += 1;
      }
    }
    if (changes.length > 0) await this.#deps.emit(changes);
    this.#changed += changes.length;
    this.#shrink();
    return met.length;
  }

  #shrink(): void {
    if (this.#held.length <= MAX_HELD) return;
    this.#held.sort((a, b) => a.depth - b.depth);
    for (const { event, depth } of this.#held.splice(0, this.#held.length - MAX_HELD)) {
      this.#named.set(event.key.bareId, depth);
    }
  }

  /** Reads the named messages again, from the deepest up. */
  async #goUp(): Promise<void> {
    for (let searches = 0; this.#named.size > 0; ) {
      const [target, depth] = deepest(this.#named);
      const offset = this.#track.offsetToReach(depth);
      const events = await this.#readPage(offset);
      const gone = this.#track.seek(events, offset, depth);
      if (events.some(({ key }) => key.bareId === target)) {
        await this.#recover(this.#takeNamed(events));
        searches = 0;
      } else if (gone) {
        this.#named.delete(target);
        searches = 0;
      } else {
        searches = countSearch(searches);
      }
    }
  }

  #takeNamed(events: readonly ReadPlace[]): Missing[] {
    const found = events.flatMap((event, depth) =>
      event.kind === 'message' && this.#named.has(event.key.bareId) ? [{ event, depth }] : [],
    );
    for (const { event } of found) this.#named.delete(event.key.bareId);
    return found;
  }

  /** Emits messages oldest first, a page at a time. */
  async #recover(missing: readonly Missing[]): Promise<void> {
    const oldestFirst = missing.toSorted((a, b) => b.depth - a.depth);
    for (let index = 0; index < oldestFirst.length; index += PAGE_SIZE) {
      const some = oldestFirst.slice(index, index + PAGE_SIZE);
      await this.#deps.emit(some.flatMap(({ event }) => toMissedMessage(event)));
      this.#recovered += some.length;
    }
  }
}

function deepest(named: ReadonlyMap<string, number>): [string, number] {
  let found: [string, number] = ['', Number.NEGATIVE_INFINITY];
  for (const entry of named) if (entry[1] > found[1]) found = entry;
  return found;
}

function countSearch(searches: number): number {
  if (searches < MAX_SEARCHES) return searches + 1;
  throw new AppError('SESSION_FAULT', { message: 'A chat changes faster than it can be read back.' });
}
