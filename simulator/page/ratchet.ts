import type { Ratchet } from '../protocol.ts';
import type { PageStore, Write } from './store.ts';

/**
 * The page's end of its encryption. It lies in the profile beside the messages, and is written together with what
 * moved it: an older copy of the profile is an older ratchet.
 */
export class PageRatchet {
  #state: Ratchet;

  private constructor(state: Ratchet) {
    this.#state = state;
  }

  static async load(store: PageStore): Promise<PageRatchet> {
    return new PageRatchet((await store.get('ratchet', 'ratchet')) ?? { received: 0, sent: 0 });
  }

  get state(): Ratchet {
    return { received: this.#state.received, sent: this.#state.sent };
  }

  /** Moves on to what is given, never back. */
  advance({ received = 0, sent = 0 }: Partial<Ratchet>): Write {
    this.#state = {
      received: Math.max(this.#state.received, received),
      sent: Math.max(this.#state.sent, sent),
    };
    return { store: 'ratchet', put: { ...this.#state, key: 'ratchet' } };
  }
}
