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
 * What is held when a connection ends is kept for the next one, however long that takes: to pass it on would put it before
 * what the page told while nobody listened. No more is held than in the other modes. Once another instance has the account it
 * is given up: that one may have a page which never took it.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Logger } from '../lib/logger.ts';
import { eventBytes } from './event-size.ts';
import type { InboundEvent } from './inbound-event.ts';

/** What an account may hold: some seconds of the fastest page. The page has the rest. */
const MAX_HELD = 5_000;
const MAX_HELD_BYTES = 8 * 1024 * 1024;

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
  /** Holds everything. */
  shut(accountId: AccountId): void;
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
  /** Accounts of which something is held. */
  listHeld(): readonly AccountId[];
  /** The page is gone for good, and what was missed of it: passes on what is held, and holds what another page tells. */
  giveUp(accountId: AccountId): void;
}

/**
 * Opens the gates, all shut. Disposing drops the messages that are held: the page has them, and they are read back in their
 * order when it is there again. Changes are passed on, for not every page can tell each of them again; one whose message is
 * not there yet waits for it.
 */
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
    shut: (accountId) => of(accountId).shut(),
    await: (accountId, chatIds) => of(accountId).await(chatIds),
    isAwaited: (accountId, chatId) => of(accountId).findHeld(chatId) !== undefined,
    isHeld: (accountId, chatId, bareId) => of(accountId).findHeld(chatId)?.ids.has(bareId) === true,
    pass: (accountId, chatId) => of(accountId).pass(chatId),
    open: (accountId) => of(accountId).open(),
    listHeld: () => [...gates].filter(([, gate]) => gate.holdsAny).map(([accountId]) => accountId),
    giveUp: (accountId) => of(accountId).giveUp(),
    [Symbol.dispose]() {
      for (const gate of gates.values()) gate.end();
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

  shut(): void {
    this.#mode = 'shut';
  }

  await(chatIds: readonly string[]): void {
    if (this.#mode === 'spilling') return;
    this.#mode = 'reading';
    this.#awaited = new Set(chatIds);
    for (const chatId of [...this.#held.keys()]) if (!this.#awaited.has(chatId)) this.pass(chatId);
  }

  get holdsAny(): boolean {
    return this.#count > 0;
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

  giveUp(): void {
    this.#mode = 'shut';
    this.#passAll();
  }

  end(): void {
    const changes = [...this.#held.values()].flatMap(({ events }) =>
      events.filter(({ kind }) => kind !== 'message'),
    );
    this.#clear();
    if (changes.length > 0) this.#options.emit(changes);
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
    for (const chatId of [...this.#held.keys()]) this.pass(chatId);
  }

  #spill(): void {
    this.#mode = 'spilling';
    this.#clear();
    this.#options.onSpill();
  }

  #clear(): void {
    this.#held.clear();
    this.#count = 0;
    this.#bytes = 0;
  }
}
