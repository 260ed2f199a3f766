import type { ConnectedSession } from '../channels/channel.ts';
import type { HandedMessage } from '../db/outbox-store.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { RENEWED_LOOK_MS, UNCONFIRMED_MS } from './send-outcome.ts';

/**
 * The line of one connection's page, judged by what the server confirms: a socket that is half dead says that it is
 * connected, takes messages and carries nothing (fault F36).
 */
export class LineRenewal {
  readonly #session: Pick<ConnectedSession, 'renewLine'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** When the line was made; what was handed over since has gone over it. */
  #madeAt: number;

  constructor(session: Pick<ConnectedSession, 'renewLine'>, clock: Clock, log: Logger) {
    this.#session = session;
    this.#clock = clock;
    this.#log = log;
    this.#madeAt = clock.now();
  }

  /**
   * Has the page make its line anew if the server's word on a message that the page holds is overdue, and the line is the
   * one over which it went: once a message at most, however many are overdue with it. True if the line is new, so that the
   * word may come soon.
   */
  async renewFor({ id, claim }: Pick<HandedMessage, 'id' | 'claim'>, signal: AbortSignal): Promise<boolean> {
    const now = this.#clock.now();
    const handedAt = claim.at.getTime();
    if (handedAt < this.#madeAt) return now - this.#madeAt < RENEWED_LOOK_MS;
    if (this.#session.renewLine === undefined || now - handedAt < UNCONFIRMED_MS) return false;
    this.#madeAt = now;
    this.#log.warn('The server confirms nothing: the page makes its line anew', { messageId: id });
    try {
      await orAborted(this.#session.renewLine(), signal);
    } catch (thrown) {
      signal.throwIfAborted();
      this.#log.warn('The page did not make its line anew', { error: toError(thrown).message });
    }
    return true;
  }
}
