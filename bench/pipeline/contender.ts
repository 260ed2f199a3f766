import type { Phone } from '../../simulator/client.ts';

/** What is waited for while the caller does what brings it about. */
export interface Awaiting<T> {
  readonly arrived: Promise<T>;
}

/**
 * What takes the messages of some accounts, and sends for them. A message has arrived where this contender takes it for
 * good. Instants are milliseconds since the epoch.
 */
export interface Contender extends AsyncDisposable {
  readonly name: string;
  /** The phone of each account. */
  readonly phones: readonly Phone[];
  /** Begins to wait for these messages, a list for each account: the instant at which the last has arrived. */
  awaitBurst(lists: readonly (readonly string[])[]): Promise<Awaiting<number>>;
  /** Begins to wait for so many messages, whichever come: the instant of each by its id. */
  awaitEach(count: number): Promise<Awaiting<ReadonlyMap<string, number>>>;
  /** Sends a text to a phone; resolves with the instants before the call and after its answer. */
  send(account: number, to: Phone, text: string): Promise<{ calledAt: number; answeredAt: number }>;
}
