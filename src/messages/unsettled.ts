import type { MessageId } from '../accounts/ids.ts';
import type { HandedMessage } from '../db/outbox-store.ts';
import { checkDelayMs, pauseDelayMs, watchDelayMs } from './send-outcome.ts';

/** A handed message that is looked up in the page until its fate is known. Instants are monotonic milliseconds. */
export interface Check {
  message: HandedMessage;
  dueAt: number;
  attempt: number;
  /** The page is known to have held it. */
  isSeen: boolean;
  /** Until then later messages of the chat wait for this one: the page is not known to hold it. */
  holdsUntil: number;
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
  /** What a recipient was called → the chat it turned out to be, where the two differ. */
  readonly #aliases = new Map<string, string>();

  has(id: MessageId): boolean {
    return this.#checks.has(id);
  }

  /** Keeps a message whose outcome is open; its chat waits until `holdsUntil`, or until the page was asked for it. */
  hold(message: HandedMessage, dueAt: number, holdsUntil = Number.POSITIVE_INFINITY): void {
    this.#checks.set(message.id, { message, dueAt, attempt: 1, isSeen: false, holdsUntil });
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
  postpone(check: Check, { now, holdsUntil }: { readonly now: number; readonly holdsUntil: number }): void {
    check.isSeen = false;
    check.holdsUntil = holdsUntil;
    check.dueAt = now + checkDelayMs(check.attempt);
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
      const { chatId } = check.message;
      const isDue = check.dueAt <= now && !chats.has(chatId);
      if (isDue) due.push(check);
      if (isDue || check.holdsUntil > now) chats.add(chatId);
    }
    return due;
  }

  /** Lets a chat wait after a fault, longer each time, until `resume`. */
  pause(chatId: string, now: number): void {
    const attempt = (this.#pauses.get(chatId)?.attempt ?? 0) + 1;
    this.#pauses.set(chatId, { until: now + pauseDelayMs(attempt), attempt });
  }

  resume(chatId: string): void {
    this.#pauses.delete(chatId);
  }

  /** Remembers that a recipient is a chat by another name: both wait for the same messages. */
  learnAlias(chatId: string, canonical: string): void {
    if (chatId !== canonical) this.#aliases.set(chatId, canonical);
  }

  /** True if a message whose outcome is open holds the chat. */
  isHeld(chatId: string, now: number): boolean {
    for (const { holdsUntil, message } of this.#checks.values()) {
      if (holdsUntil > now && message.chatId === chatId) return true;
    }
    return false;
  }

  /** Chats that nothing may be sent to now, and those that are `busy`, by all the names they are known by. */
  blockedChats(now: number, busy: Iterable<string> = []): readonly string[] {
    const blocked = new Set<string>(busy);
    for (const { holdsUntil, message } of this.#checks.values())
      if (holdsUntil > now) blocked.add(message.chatId);
    for (const [chatId, { until }] of this.#pauses) if (until > now) blocked.add(chatId);
    for (const names of this.#aliases)
      if (names.some((name) => blocked.has(name))) for (const name of names) blocked.add(name);
    return [...blocked];
  }

  /** The next instant after `now` at which something falls due; undefined if nothing waits for the clock. */
  nextDueAt(now: number): number | undefined {
    const checks = [...this.#checks.values()].flatMap(({ dueAt, holdsUntil }) => [dueAt, holdsUntil]);
    const pauses = [...this.#pauses.values()].map(({ until }) => until);
    const next = Math.min(...[...checks, ...pauses].filter((at) => at > now));
    return Number.isFinite(next) ? next : undefined;
  }
}
