/**
 * Keeps what a page tells live behind what is read back of the same chat, so that rows, events and changes come in the
 * page's order.
 *
 * An account's gate is in one of these modes:
 *   shut     everything is held: a connection has ended or has just begun, or a catch-up has not yet said what it reads;
 *   reading  what belongs to chats that are still to be read is held, the rest passes;
 *   open     everything passes;
 *   spilling more came than is held: nothing is held and nothing passes, for the page has it all; the owner was told to read
 *            the page back again, which shuts the gate.
 * What is held when a connection ends is kept for the next one, but not for long: without one nothing is read back.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Logger } from '../lib/logger.ts';
import { eventBytes } from './event-size.ts';
import type { InboundEvent } from './inbound-event.ts';

/** What an account may hold: some seconds of the fastest page. The page has the rest. */
const MAX_HELD = 5_000;
const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** How long what is held is kept for an account that is not connected, in milliseconds: a reload or a restart takes less. */
const KEEP_MS = 60_000;

export interface LiveGateOptions {
  /** Puts events into the account's inbound lane. */
  readonly emit: (accountId: AccountId, events: readonly InboundEvent[]) => void;
  /** Events of this account were dropped: read the page back. */
  readonly onGap: (accountId: AccountId) => void;
  readonly log: Logger;
}

export interface LiveGate extends Disposable {
  /** Takes what a page tells live, in its order; returns at once and never throws. */
  accept(accountId: AccountId, events: readonly InboundEvent[]): void;
  /** Holds everything, while the account is connected or soon will be again. */
  shut(accountId: AccountId, options?: { readonly isConnected?: boolean }): void;
  /** Holds what belongs to these chats alone. */
  await(accountId: AccountId, chatIds: readonly string[]): void;
  /** True if something of the chat is held. */
  isAwaited(accountId: AccountId, chatId: string): boolean;
  /** True if this very message is held: it was told live, whoever emits it first. */
  isHeld(accountId: AccountId, chatId: string, bareId: string): boolean;
  /** The chat was read back: passes on what is held of it. */
  pass(accountId: AccountId, chatId: string): void;
  /** Nothing more is read back: passes on everything. */
  open(accountId: AccountId): void;
}

/** Opens the gates, all shut. Disposing passes on everything that is held. */
export function openLiveGate(options: LiveGateOptions): LiveGate {
  const gates = new Map<AccountId, Gate>();
  const of = (accountId: AccountId): Gate => {
    const known = gates.get(accountId);
    if (known !== undefined) return known;
    const gate = new Gate({
      emit: (events) => options.emit(accountId, events),
      onSpill: () => {
        options.log.warn('More came than is held while a page is read back; it is read again', { accountId });
        options.onGap(accountId);
      },
    });
    gates.set(accountId, gate);
    return gate;
  };
  return {
    accept: (accountId, events) => of(accountId).accept(events),
    shut: (accountId, { isConnected = true } = {}) => of(accountId).shut(isConnected),
    await: (accountId, chatIds) => of(accountId).await(chatIds),
    isAwaited: (accountId, chatId) => of(accountId).findHeld(chatId) !== undefined,
    isHeld: (accountId, chatId, bareId) => of(accountId).findHeld(chatId)?.ids.has(bareId) === true,
    pass: (accountId, chatId) => of(accountId).pass(chatId),
    open: (accountId) => of(accountId).open(),
    [Symbol.dispose]() {
      for (const gate of gates.values()) gate.open();
    },
  };
}

/** What is held of one chat. */
interface Held {
  readonly events: InboundEvent[];
  /** Bare ids of the messages among them. */
  readonly ids: Set<string>;
}

interface GateOptions {
  readonly emit: (events: readonly InboundEvent[]) => void;
  readonly onSpill: () => void;
}

/** The gate of one account. */
class Gate {
  readonly #options: GateOptions;
  /** By chat, in the order in which their first events came. */
  readonly #held = new Map<string, Held>();
  #mode: 'shut' | 'reading' | 'open' | 'spilling' = 'shut';
  /** Chats that are still to be read. */
  #awaited = new Set<string>();
  #count = 0;
  #bytes = 0;
  #letGo: NodeJS.Timeout | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  accept(events: readonly InboundEvent[]): void {
    if (this.#mode === 'spilling') return;
    const passing = events.filter((event) => !this.#holds(event));
    if (passing.length > 0) this.#options.emit(passing);
    for (const event of events) if (this.#holds(event)) this.#hold(event);
    if (this.#count > MAX_HELD || this.#bytes > MAX_HELD_BYTES) this.#spill();
  }

  shut(isConnected: boolean): void {
    this.#mode = 'shut';
    clearTimeout(this.#letGo);
    if (!isConnected) this.#letGo = setTimeout(() => this.#passAll(), KEEP_MS).unref();
  }

  await(chatIds: readonly string[]): void {
    if (this.#mode === 'spilling') return;
    this.#mode = 'reading';
    this.#awaited = new Set(chatIds);
    for (const chatId of [...this.#held.keys()]) if (!this.#awaited.has(chatId)) this.pass(chatId);
  }

  findHeld(chatId: string): Held | undefined {
    return this.#held.get(chatId);
  }

  pass(chatId: string): void {
    this.#awaited.delete(chatId);
    const held = this.#held.get(chatId);
    if (held === undefined) return;
    this.#held.delete(chatId);
    this.#count -= held.events.length;
    this.#bytes -= held.events.reduce((sum, event) => sum + eventBytes(event), 0);
    this.#options.emit(held.events);
  }

  open(): void {
    this.#mode = 'open';
    this.#passAll();
  }

  #holds({ chatId }: InboundEvent): boolean {
    return this.#mode === 'shut' || (this.#mode === 'reading' && this.#awaited.has(chatId));
  }

  #hold(event: InboundEvent): void {
    const held = this.#held.get(event.chatId) ?? { events: [], ids: new Set() };
    this.#held.set(event.chatId, held);
    held.events.push(event);
    if (event.kind === 'message') held.ids.add(event.key.bareId);
    this.#count += 1;
    this.#bytes += eventBytes(event);
  }

  #passAll(): void {
    clearTimeout(this.#letGo);
    for (const chatId of [...this.#held.keys()]) this.pass(chatId);
  }

  #spill(): void {
    this.#mode = 'spilling';
    this.#held.clear();
    this.#count = 0;
    this.#bytes = 0;
    this.#options.onSpill();
  }
}
