import type { ChatRef, WireMessage } from '../protocol.ts';

/** What one device has had of a message. `retries`: how often it could not read it and said so; absent if never. */
export type DeviceRecord = { deliveries: number; receiptedAt: number | null; retries?: number };

/** Everything there is to know of one message that the network carried. Times are in milliseconds. */
export type CarriedMessage = {
  readonly id: string;
  readonly from: string;
  readonly to: ChatRef;
  readonly type: string;
  readonly text: string;
  readonly mediaHash: string | null;
  readonly t: number;
  readonly carriedAt: number;
  /** The linked device that sent it; null if the phone did. */
  readonly device: string | null;
  /** How often it was handed in; more than one is a resend, which the network drops. */
  submissions: number;
  ack: number;
  error: number | null;
  readonly deliveredTo: Record<string, number>;
  readonly readBy: Record<string, number>;
  readonly playedBy: Record<string, number>;
  readonly devices: Record<string, DeviceRecord>;
  readonly edits: string[];
  revoked: boolean;
  readonly reactions: Record<string, string>;
  readonly votes: Record<string, readonly number[]>;
};

type Entry = { readonly carried: CarriedMessage; readonly message: WireMessage };

/** The ground truth: each message once, in the order in which the network took them. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly refused: {
    readonly id: string;
    readonly from: string;
    readonly error: number;
    readonly at: number;
  }[] = [];

  /** Takes a message. False if it was carried before under that id. */
  carry(message: WireMessage, device: string | null): boolean {
    const known = this.#entries.get(message.id);
    if (known) {
      known.carried.submissions += 1;
      return false;
    }
    const { attrs } = message;
    const text = attrs.caption ?? (attrs.directPath === undefined ? attrs.body : '') ?? attrs.pollName ?? '';
    const carried: CarriedMessage = {
      id: message.id,
      from: message.from,
      to: message.to,
      type: String(attrs.type),
      text: String(text),
      mediaHash: typeof attrs.filehash === 'string' ? attrs.filehash : null,
      t: message.t,
      carriedAt: Date.now(),
      device,
      submissions: 1,
      ack: 1,
      error: null,
      deliveredTo: {},
      readBy: {},
      playedBy: {},
      devices: {},
      edits: [],
      revoked: false,
      reactions: {},
      votes: {},
    };
    this.#entries.set(message.id, { carried, message });
    return true;
  }

  find(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  counters(): {
    carried: number;
    resubmitted: number;
    deliveries: number;
    receipts: number;
    refused: number;
  } {
    const counters = { carried: 0, resubmitted: 0, deliveries: 0, receipts: 0, refused: this.refused.length };
    for (const { carried } of this.#entries.values()) {
      counters.carried += 1;
      if (carried.submissions > 1) counters.resubmitted += 1;
      for (const device of Object.values(carried.devices)) {
        counters.deliveries += device.deliveries;
        if (device.receiptedAt !== null) counters.receipts += 1;
      }
    }
    return counters;
  }
}
