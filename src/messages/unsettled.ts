import type { MessageId } from '../accounts/ids.ts';
import type { HandedMessage } from '../db/outbox-store.ts';
import { checkDelayMs, pauseDelayMs, type SendFailure, watchDelayMs } from './send-outcome.ts';

/** A handed message that is looked up in the page until its fate is known. Instants are monotonic milliseconds. */
export interface Check {
  message: HandedMessage;
  dueAt: number;
  attempt: number;
  /** The page is known to have held it. */
  isSeen: boolean;
  /** Until then later messages of the chat wait for this one: the page is not known to hold it. */
  holdsUntil: number;
  /** Why it never left, until that is written down. */
  refusal?: SendFailure;
}

/** When a message of which nothing is known is looked up again; at the latest after `atMostMs`. */
interface Postponement {
  readonly now: number;
  readonly holdsUntil: number;
  readonly atMostMs?: number;
}

interface Pause {
  until: number;
  attempt: number;
}

/**
 * What one account's sender keeps in mind: messages whose outcome is open, and chats that have to wait, either for
 * such a message or after a fault. Nothing here is needed after a crash: the table tells it all again.
 */
export class Unsettled {
  readonly #checks = new Map<MessageId, Check>();
  readonly #pauses = new Map<string, Pause>();
  /** All names of a chat, by each of them, where there are several. */
  readonly #names = new Map<string, ReadonlySet<string>>();

  has(id: MessageId): boolean {
    return this.#checks.has(id);
  }

  /** Keeps a message whose outcome is open; its chat waits until `holdsUntil`, or until the page was asked for it. */
  hold(message: HandedMessage, dueAt: number, holdsUntil = Number.POSITIVE_INFINITY): void {
    this.#checks.set(message.id, { message, dueAt, attempt: 1, isSeen: false, holdsUntil });
  }

  /** Remembers why a message that is kept never left: whether that can be written down now is open. */
  refuse(id: MessageId, refusal: SendFailure): void {
    const check = this.#checks.get(id);
    if (check !== undefined) check.refusal = refusal;
  }

  /** Keeps a message that the page has taken: nobody waits for it. */
  keepSeen(message: HandedMessage, dueAt: number): void {
    const holdsUntil = Number.NEGATIVE_INFINITY;
    this.#checks.set(message.id, { message, dueAt, attempt: 1, isSeen: true, holdsUntil });
  }

  settle(id: MessageId): void {
    this.#checks.delete(id);
  }

  /** The page holds the message, its server has not confirmed it: look again later, and let the chat go on. */
  watch(check: Check, now: number): void {
    if (!check.isSeen) check.attempt = 1;
    check.isSeen = true;
    check.holdsUntil = Number.NEGATIVE_INFINITY;
    check.dueAt = now + watchDelayMs(check.attempt);
    check.attempt += 1;
  }

  /** Nothing is known yet: look again soon; the chat waits until `holdsUntil`. */
  postpone(check: Check, { now, holdsUntil, atMostMs = Number.POSITIVE_INFINITY }: Postponement): void {
    check.isSeen = false;
    check.holdsUntil = holdsUntil;
    check.dueAt = now + Math.min(atMostMs, checkDelayMs(check.attempt));
    check.attempt += 1;
  }

  /**
   * The checks that are due, in the order in which their messages were accepted: of each chat at most one, and none
   * that an earlier message of the chat holds back.
   */
  findDue(now: number): readonly Check[] {
    const chats = new Set<string>();
    const due: Check[] = [];
    for (const check of this.#checks.values()) {
      const names = this.#namesOfMessage(check.message);
      const isDue = check.dueAt <= now && !names.some((name) => chats.has(name));
      if (isDue) due.push(check);
      if (isDue || check.holdsUntil > now) for (const name of names) chats.add(name);
    }
    return due;
  }

  /** Lets a chat wait after a fault, longer each time, until `resume`. Returns the end of the pause. */
  pause(chatId: string, now: number): number {
    const attempt = (this.#pauses.get(chatId)?.attempt ?? 0) + 1;
    const until = now + pauseDelayMs(attempt);
    this.#pauses.set(chatId, { until, attempt });
    return until;
  }

  /** The same, except that the first time is remembered only. */
  pauseIfAgain(chatId: string, now: number): void {
    if (this.#pauses.has(chatId)) this.pause(chatId, now);
    else this.#pauses.set(chatId, { until: now, attempt: 0 });
  }

  /** True if the chat has paused, by whatever name, and was not resumed since. */
  hasFailed(chatId: string): boolean {
    return this.#namesOf(chatId).some((name) => (this.#pauses.get(name)?.attempt ?? 0) > 0);
  }

  /** The chats of which that is true. */
  failedChats(): readonly string[] {
    return [...this.#pauses].flatMap(([chatId, { attempt }]) => (attempt > 0 ? [chatId] : []));
  }

  resume(chatId: string): void {
    this.#pauses.delete(chatId);
  }

  /** Ends the pauses of all chats, the next of which are short again, and has whatever holds a chat looked up at once. */
  endPauses(now: number): void {
    for (const [chatId, { attempt }] of this.#pauses)
      this.#pauses.set(chatId, { until: now, attempt: Math.min(attempt, 1) });
    for (const check of this.#checks.values())
      if (check.holdsUntil > now) check.dueAt = Math.min(check.dueAt, now);
  }

  /** Remembers that a chat goes by both names: under either it waits for the same messages. */
  learnAlias(one: string, other: string): void {
    if (one === other) return;
    const names = new Set([...this.#namesOf(one), ...this.#namesOf(other)]);
    for (const name of names) this.#names.set(name, names);
  }

  /** True if a message whose outcome is open holds the chat, by whatever name. */
  isHeld(chatId: string, now: number): boolean {
    return this.#heldChats(now).has(chatId);
  }

  /** Chats that nothing may be sent to now, and those that are `busy`, by all the names they are known by. */
  blockedChats(now: number, busy: Iterable<string> = []): readonly string[] {
    const blocked = this.#heldChats(now);
    const paused = [...this.#pauses].flatMap(([chatId, { until }]) => (until > now ? [chatId] : []));
    for (const chatId of [...busy, ...paused]) for (const name of this.#namesOf(chatId)) blocked.add(name);
    return [...blocked];
  }

  #heldChats(now: number): Set<string> {
    const holding = [...this.#checks.values()].filter(({ holdsUntil }) => holdsUntil > now);
    return new Set(holding.flatMap(({ message }) => this.#namesOfMessage(message)));
  }

  /** Its key may name the chat by the other address. */
  #namesOfMessage({ chatId, prepared }: HandedMessage): readonly string[] {
    return [chatId, prepared.chatId, prepared.key.chatId].flatMap((name) => this.#namesOf(name));
  }

  #namesOf(chatId: string): readonly string[] {
    return [chatId, ...(this.#names.get(chatId) ?? [])];
  }

  /** The next instant after `now` at which something falls due; undefined if nothing waits for the clock. */
  nextDueAt(now: number): number | undefined {
    const checks = [...this.#checks.values()].flatMap(({ dueAt, holdsUntil }) => [dueAt, holdsUntil]);
    const pauses = [...this.#pauses.values()].map(({ until }) => until);
    const next = Math.min(...[...checks, ...pauses].filter((at) => at > now));
    return Number.isFinite(next) ? next : undefined;
  }
}
