/**
 * What one account's sender has under way: at most one piece of work a chat, by whatever name the chat goes. They are
 * kept in the order in which they began, which is the order in which their messages were accepted.
 */
import { isLid, isPhone } from './address.ts';

/** `resolving`: the chat's true name is being asked for; `resolved`: it is known; `claimed`: the row says so. */
type Stage = 'resolving' | 'resolved' | 'claimed';

export interface Flight {
  readonly kind: 'send' | 'check';
  /** Moves a file: a page that moves two at once answers nothing else (fact A18). */
  readonly isHeavy: boolean;
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
}

export class SendFlights {
  readonly #flights = new Map<Flight, Promise<void>>();
  readonly #onEnd: (flight: Flight, error: Error | undefined) => void;
  readonly #onClaimed: () => void;

  /** `onEnd` is told of each end, and of the error that it ended with; `onClaimed` of each claim. */
  constructor(
    onEnd: (flight: Flight, error: Error | undefined) => void,
    onClaimed: () => void = () => undefined,
  ) {
    this.#onEnd = onEnd;
    this.#onClaimed = onClaimed;
  }

  /** Begins a piece of work; its chat is not busy. */
  start({ kind, chatId, isHeavy }: FlightWish, work: (flight: Flight) => Promise<void>): void {
    const flight: Flight = {
      kind,
      isHeavy,
      names: new Set([chatId]),
      stage: kind === 'send' ? 'resolving' : 'claimed',
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

  /** Messages that will be claimed unless something comes between. */
  get unclaimed(): number {
    return this.#list().filter(({ stage }) => stage !== 'claimed').length;
  }

  get isHeavy(): boolean {
    return this.#list().some(({ isHeavy }) => isHeavy);
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
   * there: then it must not go on. An earlier one that goes to a LID may turn out to go to the same number, and is waited
   * for, unless the number is known to have another LID (fact A16).
   */
  async resolve(flight: Flight, chatIds: readonly string[]): Promise<boolean> {
    for (const chatId of chatIds) flight.names.add(chatId);
    flight.stage = 'resolved';
    flight.resolved.resolve();
    const earlier = this.#before(flight);
    const names = [...flight.names];
    const mayBeAnyLid = names.some(isPhone) && !names.some(isLid);
    const open = mayBeAnyLid ? this.#openLidsBefore(flight) : [];
    await Promise.all(open.map(({ resolved }) => resolved.promise));
    return !earlier.some(
      (other) => this.#flights.has(other) && chatIds.some((chatId) => other.names.has(chatId)),
    );
  }

  /** Says that the row of a flight's message tells of its claim. */
  claim(flight: Flight): void {
    flight.stage = 'claimed';
    this.#onClaimed();
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
