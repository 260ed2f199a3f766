/**
 * What one account's sender has under way: at most one piece of work a chat, by whatever name the chat goes. They are
 * kept in the order in which they began, which is the order in which their messages were accepted.
 */
import { isLid, isPhone } from './address.ts';

/** A look-up that takes longer drags on: the page only waits, and others need not wait with it; milliseconds. */
export const DRAGS_AFTER_MS = 5_000;

/**
 * `resolving`: the chat's true name is being asked for; `behind`: it is known, and an earlier one may turn out to go there;
 * `resolved`: nothing is in its way; `claimed`: the row says so.
 */
type Stage = 'resolving' | 'behind' | 'resolved' | 'claimed';

export interface Flight {
  readonly kind: 'send' | 'check';
  /** Moves a file: a page that moves two at once answers nothing else (fact A18). */
  readonly isHeavy: boolean;
  /** Its chat has failed since the last message that was claimed for it. */
  readonly isRetry: boolean;
  /** Monotonic. */
  readonly startedAt: number;
  /** What its chat is called, as far as that is known. */
  readonly names: Set<string>;
  stage: Stage;
  /** Settles when it is no longer `resolving`. */
  readonly resolved: PromiseWithResolvers<void>;
}

export interface FlightWish {
  readonly kind: Flight['kind'];
  readonly chatId: string;
  readonly isHeavy: boolean;
  readonly isRetry: boolean;
  readonly startedAt: number;
}

/** What takes up room in the page. */
interface Load {
  readonly sends: number;
  /** Messages that will be claimed soon unless something comes between. */
  readonly unclaimed: number;
  readonly isHeavy: boolean;
}

export class SendFlights {
  readonly #flights = new Map<Flight, Promise<void>>();
  readonly #onEnd: (flight: Flight, error: Error | undefined) => void;
  readonly #onRoom: (flight: Flight) => void;

  /** `onEnd` is told of each end, and of the error that it ended with; `onRoom` of each that needs no room any more. */
  constructor(
    onEnd: (flight: Flight, error: Error | undefined) => void,
    onRoom: (flight: Flight) => void = () => undefined,
  ) {
    this.#onEnd = onEnd;
    this.#onRoom = onRoom;
  }

  /** Begins a piece of work; its chat is not busy. */
  start({ chatId, ...wish }: FlightWish, work: (flight: Flight) => Promise<void>): void {
    const flight: Flight = {
      ...wish,
      names: new Set([chatId]),
      stage: wish.kind === 'send' ? 'resolving' : 'claimed',
      resolved: Promise.withResolvers(),
    };
    const end = (error?: Error) => {
      this.#flights.delete(flight);
      flight.resolved.resolve();
      this.#onEnd(flight, error);
    };
    const ended = work(flight).then(() => end(), end);
    this.#flights.set(flight, ended);
  }

  get size(): number {
    return this.#flights.size;
  }

  count(kind: Flight['kind']): number {
    return this.#list().filter((flight) => flight.kind === kind).length;
  }

  /** All but the look-ups that drag on, and those that wait for one. */
  load(now: number): Load {
    const active = this.#list().filter(
      (flight) => flight.stage !== 'behind' && (flight.stage !== 'resolving' || dragsAt(flight) > now),
    );
    return {
      sends: active.filter(({ kind }) => kind === 'send').length,
      unclaimed: active.filter(({ stage }) => stage !== 'claimed').length,
      isHeavy: active.some(({ isHeavy }) => isHeavy),
    };
  }

  /** When the next look-up begins to drag on; undefined if none is under way that does not yet. */
  nextDragAt(now: number): number | undefined {
    const resolving = this.#list().filter(({ stage }) => stage === 'resolving');
    const next = Math.min(...resolving.map(dragsAt).filter((at) => at > now));
    return Number.isFinite(next) ? next : undefined;
  }

  /** Those to chats that have failed, as long as they may fail again. */
  get retries(): number {
    return this.#list().filter(({ isRetry, stage }) => isRetry && stage !== 'claimed').length;
  }

  /** All names of the chats that are busy. */
  names(): readonly string[] {
    return this.#list().flatMap(({ names }) => [...names]);
  }

  /** True if an earlier flight goes to a LID whose number is being asked for: it may turn out to be anybody's. */
  isBehindLid(flight: Flight): boolean {
    return this.#openLidsBefore(flight).length > 0;
  }

  /**
   * Says what the chat of a flight is truly called, by all names that are known. False if an earlier flight is on its way
   * there, or if it moves a file and another one is moved by now: then it must not go on. An earlier one that goes to a LID may turn out to go to the same number, and is waited
   * for, unless the number is known to have another LID (fact A16).
   */
  async resolve(flight: Flight, chatIds: readonly string[]): Promise<boolean> {
    for (const chatId of chatIds) flight.names.add(chatId);
    const earlier = this.#before(flight);
    const names = [...flight.names];
    const mayBeAnyLid = names.some(isPhone) && !names.some(isLid);
    const open = mayBeAnyLid ? this.#openLidsBefore(flight) : [];
    flight.stage = 'behind';
    flight.resolved.resolve();
    if (open.length > 0) this.#onRoom(flight);
    await Promise.all(open.map(({ resolved }) => resolved.promise));
    if (flight.isHeavy && this.#isFileMoving()) return false;
    flight.stage = 'resolved';
    return !earlier.some(
      (other) => this.#flights.has(other) && chatIds.some((chatId) => other.names.has(chatId)),
    );
  }

  #isFileMoving(): boolean {
    return this.#list().some(
      ({ isHeavy, stage }) => isHeavy && (stage === 'resolved' || stage === 'claimed'),
    );
  }

  /** Says that the row of a flight's message tells of its claim. */
  claim(flight: Flight): void {
    flight.stage = 'claimed';
    this.#onRoom(flight);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#flights.size > 0) await Promise.all(this.#flights.values());
  }

  #before(flight: Flight): readonly Flight[] {
    const all = this.#list();
    return all.slice(0, all.indexOf(flight));
  }

  #openLidsBefore(flight: Flight): readonly Flight[] {
    return this.#before(flight).filter(({ stage, names }) => stage === 'resolving' && [...names].some(isLid));
  }

  #list(): readonly Flight[] {
    return [...this.#flights.keys()];
  }
}

function dragsAt({ startedAt }: Flight): number {
  return startedAt + DRAGS_AFTER_MS;
}
