/**
 * The sender of one connected account: the messages of a chat one after another in the order in which they were accepted,
 * those of several chats side by side, so that a slow chat keeps no other waiting. One loop begins all work.
 *
 * Each turn does the first of these that there is to do: search the table for handed messages without an outcome, look
 * those that are due up in the page, begin to send the next message of a chat that is free, wait.
 *
 * Why a SIGKILL at any point neither loses nor doubles a message. The row is pending from its acceptance on.
 * - Killed before the claim commits: no id is written down and the page was given nothing; the row is still first in
 *   line at the next connect, and gets another id.
 * - Killed after the claim, before the page took the message: the row bears its id and counts as handed. At the next
 *   connect the page does not know the id, and the message is handed over under the same one.
 * - Killed after the page took it, whether or not it left, before its ack was written: the page knows the id and
 *   its ack is adopted; or it forgot the message, which is handed over under the same id, and WhatsApp counts an id
 *   once.
 * - Killed after the ack was written: settled; later acks come as events.
 * A page that was restored from an older copy proves nothing by what it lacks: what was handed over since the copy was taken
 * is `unknown`, is looked up until it can be known, and never handed over again. That is written down before the copy is
 * used. The same goes for the page of a new link and what was handed over before that, which is written down with the link.
 */
import type { ConnectedSession } from '../channels/channel.ts';
import { findPhones } from '../db/address-store.ts';
import { type HandedMessage, listUnsettled, type UnsettledPage } from '../db/outbox-store.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { toError } from '../lib/errors.ts';
import { Wake } from '../lib/wake.ts';
import { isLid } from './address.ts';
import { sendNext } from './hand-over.ts';
import { lookUp } from './send-check.ts';
import { type Flight, SendFlights } from './send-flights.ts';
import { UNCONFIRMED_MS } from './send-outcome.ts';
import type { LanedMessage, NextSend } from './send-pace.ts';
import { type SendDeps, SendRun, type SendRunOptions } from './send-run.ts';

/** Chats that are sent to side by side: a few that hang do not stop the rest, and no page is overrun. */
const CHATS_AT_ONCE = 8;
/** The same with those whose look-up drags on, which ask nothing more of the page. */
const CHATS_IN_ALL = 24;
/** Of these, chats that have failed before: they come first in line again and again, and leave room for the others. */
const RETRIES_AT_ONCE = CHATS_IN_ALL / 2;
/** Handed messages that are read from the table at once. */
const SWEPT_AT_ONCE = 500;
/** Messages that are looked up side by side. */
const CHECKS_AT_ONCE = 4;

/** A look at all there is to do. */
interface Look {
  /** Its instant, monotonic. */
  readonly now: number;
  /** Pieces of work that were under way. */
  readonly underWay: number;
}

/** One connection's loop. `run` once; it ends, without throwing, when the signal aborts and its work has ended. */
export class SendLoop {
  readonly #run: SendRun;
  readonly #session: ConnectedSession;
  readonly #signal: AbortSignal;
  readonly #wake = new Wake();
  readonly #flights = new SendFlights(
    (flight, error) => this.#hearEnd(flight, error),
    (flight) => this.#hearRoom(flight),
  );
  /** Chats whose next message is a file, while another one is on its way. */
  readonly #waitForHeavy = new Set<string>();
  /** Of a piece of work that ended since the last turn. */
  #fault: Error | undefined;

  constructor(deps: SendDeps, options: SendRunOptions) {
    this.#run = new SendRun(deps, options);
    this.#session = options.session;
    this.#signal = options.signal;
  }

  /** There is something to do. */
  wake(): void {
    this.#wake.wake();
  }

  /** What chats waited for may have come: all that pauses is tried again at once. */
  endPauses(): void {
    this.#run.unsettled.endPauses(this.#run.now());
    this.#wake.wake();
  }

  async run(): Promise<void> {
    let faults = 0;
    while (!this.#signal.aborted) {
      try {
        await this.#turn();
        faults = 0;
      } catch (thrown) {
        if (this.#signal.aborted) break;
        faults += 1;
        this.#run.sweeps.restart(this.#run.now());
        await this.#rest(faults, toError(thrown));
      }
    }
    await this.#flights.idle();
  }

  async #turn(): Promise<void> {
    this.#throwFault();
    await this.#run.begin();
    // One instant for the whole look: a chat whose pause ends between two would be in neither, and wait for ever.
    const now = this.#run.now();
    if (this.#run.sweeps.dueAt <= now) return this.#sweep();
    this.#startChecks(now);
    const look = { now, underWay: this.#flights.size };
    if (!this.#hasRoom(now)) return this.#wait(look);
    const next = await this.#findNext(now);
    if (next.kind === 'wait') return this.#wait(look, next.delayMs ?? undefined);
    const { message } = next;
    if (message.media !== null && this.#flights.load(now).isHeavy) {
      this.#waitForHeavy.add(message.chatId);
      return;
    }
    this.#startSend(message, now);
    // What comes from now on wakes the loop.
    if (next.isOnly) return this.#wait({ now, underWay: this.#flights.size });
  }

  /** Puts handed messages without an outcome on the list of checks. */
  async #sweep(): Promise<void> {
    const { deps, sweeps } = this.#run;
    const { accountId } = this.#session;
    const isWhole = sweeps.isWhole;
    await this.#run.pace.measureReach();
    const age = { now: deps.clock.now(), minAgeMs: isWhole ? 0 : UNCONFIRMED_MS };
    let after: string | null = null;
    do {
      const page: UnsettledPage = await this.#run.query(
        listUnsettled(deps.db, accountId, age, { after, limit: SWEPT_AT_ONCE }),
      );
      for (const message of page.messages) this.#keep(message);
      after = page.next;
    } while (after !== null);
    sweeps.done(this.#run.now());
  }

  #keep(message: HandedMessage): void {
    const { unsettled } = this.#run;
    if (unsettled.has(message.id)) return;
    const now = this.#run.now();
    // One that this page was given is on the list unless the page showed it.
    if (this.#run.isGivenHere(message)) unsettled.keepSeen(message, now);
    else unsettled.hold(message, now);
  }

  #startChecks(now: number): void {
    const busy = new Set(this.#flights.names());
    for (const check of this.#run.unsettled.findDue(now)) {
      const { chatId, media } = check.message;
      if (this.#flights.count('check') >= CHECKS_AT_ONCE || busy.has(chatId)) continue;
      const isHeavy = media !== null;
      const wish = { kind: 'check', chatId, isHeavy, isRetry: false, startedAt: now } as const;
      this.#flights.start(wish, () => lookUp(this.#run, check));
    }
  }

  /** Room for one more message; at a pace they are claimed one after another (see SendPace). */
  #hasRoom(now: number): boolean {
    const { sends, unclaimed } = this.#flights.load(now);
    if (sends >= CHATS_AT_ONCE || this.#flights.count('send') >= CHATS_IN_ALL) return false;
    return !this.#run.pace.isPaced || unclaimed === 0;
  }

  async #findNext(now: number): Promise<NextSend> {
    const { pace, unsettled } = this.#run;
    const { unclaimed, isHeavy } = this.#flights.load(now);
    if (!isHeavy) this.#waitForHeavy.clear();
    const failed = this.#flights.retries < RETRIES_AT_ONCE ? [] : unsettled.failedChats();
    const busy = [...this.#flights.names(), ...this.#waitForHeavy, ...failed];
    await this.#learnNumbers(unsettled.blockedChats(now, busy));
    return pace.findNext(unsettled.blockedChats(now, busy), unclaimed);
  }

  /** Rows of a chat that was blocked as a LID are filed under its number as soon as anybody learns it. */
  async #learnNumbers(blocked: readonly string[]): Promise<void> {
    const { deps, unsettled } = this.#run;
    const lids = blocked.filter(isLid);
    if (lids.length === 0) return;
    const phones = await this.#run.query(findPhones(deps.db, this.#session.accountId, lids));
    for (const [lid, phone] of phones) unsettled.learnAlias(lid, phone);
  }

  #startSend(message: LanedMessage, now: number): void {
    const { chatId, media } = message;
    const isRetry = this.#run.unsettled.hasFailed(chatId);
    const wish = { kind: 'send', chatId, isHeavy: media !== null, isRetry, startedAt: now } as const;
    const flights = this.#flights;
    flights.start(wish, (flight) => sendNext(this.#run, message, { flight, flights }));
  }

  #hearEnd(flight: Flight, error: Error | undefined): void {
    if (flight.isHeavy) this.#waitForHeavy.clear();
    if (error !== undefined && !this.#signal.aborted) this.#fault = error;
    this.#wake.wake();
  }

  #hearRoom({ stage }: Flight): void {
    if (stage === 'behind' || this.#run.pace.isPaced) this.#wake.wake();
  }

  #throwFault(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw fault;
  }

  /** Waits for a wake-up, or for the next thing that falls due after the look, at most `atMostMs`. */
  async #wait({ now, underWay }: Look, atMostMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { deps, sweeps, unsettled } = this.#run;
    const next = [unsettled.nextDueAt(now), this.#flights.nextDragAt(now)];
    const dueAt = Math.min(...next.map((at) => at ?? Number.POSITIVE_INFINITY), sweeps.dueAt);
    const ms = Math.ceil(Math.min(atMostMs, Math.max(0, dueAt - this.#run.now())));
    deps.log.debug('The sender waits', { ms, underWay });
    await this.#wake.wait(this.#signal, ms);
  }

  /** Rests after a fault that is not a message's own: as a rule the database is away. */
  async #rest(faults: number, error: Error): Promise<void> {
    const delayMs = backoffDelayMs(faults + 1);
    this.#run.deps.log.warn('The sender rests after a fault', { delayMs, error: error.message });
    await this.#wake.wait(this.#signal, delayMs).catch(() => this.#signal.aborted);
  }
}
