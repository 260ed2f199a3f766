import { authorOf, type Delivery, type Envelope, type ServerFrame } from '../protocol.ts';
import type { Account } from './account.ts';
import { DeviceRatchet } from './ratchet.ts';

/** One page's line, as the device sees it. */
export type DeviceLine = {
  readonly tab: string;
  send(frame: ServerFrame): void;
  close(): void;
};

type Hooks = {
  /** An envelope goes out, for the first time or again. */
  readonly delivered: (device: LinkedDevice, envelope: Envelope) => void;
  readonly receipted: (device: LinkedDevice, envelope: Envelope) => void;
  /** The page could not read it. */
  readonly retried: (device: LinkedDevice, envelope: Envelope) => void;
};

const ITEMS_PER_FRAME = 200;

/**
 * A companion device. What it must learn is queued until its page receipts it, and is then gone for good. Its
 * `flow` is `held` while the queue waits (away, or before its time) and `live` while items go out at once.
 */
export class LinkedDevice {
  readonly id: string;
  readonly account: Account;
  readonly loginKey: JsonWebKey;
  readonly linkedAt = Date.now();
  readonly ratchet = new DeviceRatchet();
  readonly #hooks: Hooks;
  readonly #queue = new Map<number, Envelope>();
  /** What of the queue the present line has not been sent yet. */
  #unsent: number[] = [];
  readonly #lines = new Set<DeviceLine>();
  #line: DeviceLine | undefined;
  #flow: 'held' | 'live' = 'held';
  #flushing: NodeJS.Immediate | undefined;
  #lastSeq = 0;
  /** As the phone lists it: what it called itself when it was linked. */
  name: string | undefined;
  state = 'AWAY';
  synced = false;
  frozen = false;
  /** Logins before this moment are cut off. */
  outageUntil = 0;
  toggleSync = false;
  whatsNewSeen = false;
  logins = 0;
  /** How many of the logins were made by an older copy of the profile. */
  staleLogins = 0;
  /** How often a second browser logged in while another was connected, and the most that were at once. */
  overlaps = 0;
  maxLines = 0;

  constructor(id: string, account: Account, loginKey: JsonWebKey, hooks: Hooks) {
    this.id = id;
    this.account = account;
    this.loginKey = loginKey;
    this.#hooks = hooks;
  }

  get line(): DeviceLine | undefined {
    return this.#line;
  }
  get lineCount(): number {
    return this.#lines.size;
  }
  get queued(): number {
    return this.#queue.size;
  }

  /** The line that logged in is the device's from now on. Returns the one it displaces, if a different browser's. */
  attach(line: DeviceLine): DeviceLine | undefined {
    const rivals = [...this.#lines].filter((other) => other.tab !== line.tab);
    for (const other of this.#lines) if (other.tab === line.tab) this.#lines.delete(other);
    this.#lines.add(line);
    this.maxLines = Math.max(this.maxLines, this.#lines.size);
    if (rivals.length > 0) this.overlaps += 1;
    const displaced = rivals.find((other) => other === this.#line);
    this.#line = line;
    this.#flow = 'held';
    this.#unsent = [...this.#queue.keys()];
    this.frozen = false;
    this.logins += 1;
    return displaced;
  }

  detach(line: DeviceLine): void {
    this.#lines.delete(line);
    if (this.#line !== line) return;
    this.#line = undefined;
    this.#flow = 'held';
    this.frozen = false;
    this.state = 'AWAY';
    this.synced = false;
  }

  enqueue(envelope: Envelope): void {
    this.#lastSeq += 1;
    this.#queue.set(this.#lastSeq, envelope);
    this.#unsent.push(this.#lastSeq);
    this.#scheduleFlush();
  }

  /** From now on the queue goes out, and what comes later at once. */
  release(): void {
    this.#flow = 'live';
    this.#scheduleFlush();
  }

  thaw(): void {
    this.frozen = false;
    this.#scheduleFlush();
  }

  receipt(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const envelope = this.#queue.get(seq);
      this.#queue.delete(seq);
      if (!envelope) continue;
      this.ratchet.receive(seq, envelope);
      this.#hooks.receipted(this, envelope);
    }
  }

  /** The page could not read these. They stay queued until their authors send them again. */
  retry(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const envelope = this.#queue.get(seq);
      if (envelope) this.#hooks.retried(this, envelope);
    }
  }

  /** Their authors send these again, each in a session that is new. */
  redeliver(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const envelope = this.#queue.get(seq);
      if (!envelope) continue;
      this.ratchet.renewSession(authorOf(envelope) ?? '');
      this.#queue.delete(seq);
      this.enqueue(envelope);
    }
  }

  #scheduleFlush(): void {
    if (this.#flow === 'live' && !this.frozen) this.#flushing ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = undefined;
    if (this.#flow !== 'live' || this.frozen || !this.#line) return;
    const items: Delivery[] = [];
    for (const seq of this.#unsent.splice(0)) {
      const envelope = this.#queue.get(seq);
      if (!envelope) continue;
      this.#hooks.delivered(this, envelope);
      items.push(this.ratchet.isReadable(envelope) ? { seq, envelope } : { seq, envelope, unreadable: true });
    }
    for (let i = 0; i < items.length; i += ITEMS_PER_FRAME) {
      this.#line.send({ type: 'deliver', items: items.slice(i, i + ITEMS_PER_FRAME) });
    }
  }
}
