import type { MessageId } from '../accounts/ids.ts';
import type { HandedMessage } from '../db/outbox-store.ts';
import { checkDelayMs, watchDelayMs } from './send-outcome.ts';

/** A handed message that is looked up in the page until its fate is known. Instants are monotonic milliseconds. */
export interface Check {
  readonly message: HandedMessage;
  dueAt: number;
  attempt: number;
  /** True while later messages of the chat wait for this one: the page is not known to hold it. */
  holdsChat: boolean;
  /** True until the page, in which no hand-over of ours was running, has been asked once. */
  freshPage: boolean;
  absentSince: number | null;
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

  /** Keeps a message whose outcome is open; its chat waits for it. */
  hold(message: HandedMessage, options: { readonly dueAt: number; readonly freshPage: boolean }): void {
    this.#checks.set(message.id, { message, ...options, attempt: 1, holdsChat: true, absentSince: null });
  }

  settle(id: MessageId): void {
    this.#checks.delete(id);
  }

  /** The page holds the message, its server has not confirmed it: look again later, and let the chat go on. */
  watch(check: Check, now: number): void {
    if (check.holdsChat) check.attempt = 1;
    check.holdsChat = false;
    check.freshPage = false;
    check.absentSince = null;
    check.dueAt = now + watchDelayMs(check.attempt);
    check.attempt += 1;
  }

  /** Nothing is known yet: look again soon; the chat waits. */
  postpone(check: Check, now: number): void {
    check.holdsChat = true;
    check.dueAt = now + checkDelayMs(check.attempt);
    check.attempt += 1;
  }

  /** The check that is due, the message accepted first before others. */
  findDue(now: number): Check | undefined {
    for (const check of this.#checks.values()) if (check.dueAt <= now) return check;
    return undefined;
  }

  /** Lets a chat wait after a fault, longer each time, until `resume`. */
  pause(chatId: string, now: number): void {
    const attempt = (this.#pauses.get(chatId)?.attempt ?? 0) + 1;
    this.#pauses.set(chatId, { until: now + checkDelayMs(attempt), attempt });
  }

  resume(chatId: string): void {
    this.#pauses.delete(chatId);
  }

  /** Remembers that a recipient is a chat by another name: both wait for the same messages. */
  learnAlias(chatId: string, canonical: string): void {
    if (chatId !== canonical) this.#aliases.set(chatId, canonical);
  }

  isHeld(chatId: string): boolean {
    for (const { holdsChat, message } of this.#checks.values()) {
      if (holdsChat && message.chatId === chatId) return true;
    }
    return false;
  }

  /** Chats that nothing may be sent to now, by all the names they are known by. */
  blockedChats(now: number): readonly string[] {
    const blocked = new Set<string>();
    for (const { holdsChat, message } of this.#checks.values()) if (holdsChat) blocked.add(message.chatId);
    for (const [chatId, { until }] of this.#pauses) if (until > now) blocked.add(chatId);
    for (const names of this.#aliases)
      if (names.some((name) => blocked.has(name))) for (const name of names) blocked.add(name);
    return [...blocked];
  }

  /** The next instant at which something falls due; undefined if nothing waits for the clock. */
  nextDueAt(now: number): number | undefined {
    const dues = [...this.#checks.values()].map((check) => check.dueAt);
    for (const { until } of this.#pauses.values()) if (until > now) dues.push(until);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }
}
