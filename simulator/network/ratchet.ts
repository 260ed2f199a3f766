import { authorOf, type Envelope, type Ratchet } from '../protocol.ts';

/**
 * The network's end of a device's encryption, which moves with every encrypted thing that the device receipts and
 * every message that it sends. A page whose own end lies behind it runs on an older copy of its profile. Sessions
 * that broke are renewed one by one, as their authors hear that the page could not read them.
 */
export class DeviceRatchet {
  #received = 0;
  #sent = 0;
  /** Undefined while every session is whole. */
  #renewed: Set<string> | undefined;

  get state(): Ratchet {
    return { received: this.#received, sent: this.#sent };
  }

  /** Whether the page has not lived through all of what the network remembers. */
  isAheadOf(page: Ratchet): boolean {
    return page.received < this.#received || page.sent < this.#sent;
  }

  receive(seq: number, envelope: Envelope): void {
    if (authorOf(envelope) !== undefined) this.#received = Math.max(this.#received, seq);
  }

  send(step: number): void {
    this.#sent = Math.max(this.#sent, step);
  }

  breakSessions(): void {
    this.#renewed = new Set();
  }

  renewSession(author: string): void {
    this.#renewed?.add(author);
  }

  isReadable(envelope: Envelope): boolean {
    const author = authorOf(envelope);
    return author === undefined || this.#renewed === undefined || this.#renewed.has(author);
  }
}
