import type { Attributes, ChatRef, WireMessage } from '../protocol.ts';

/**
 * What one device has had of a message. `place`: where its page put the first receipt among all of them, so that a
 * chat sorted by it reads as the page saw it. `retries`: how often it could not read it and said so; absent if never.
 */
export type DeviceRecord = {
  deliveries: number;
  receiptedAt: number | null;
  place?: number;
  retries?: number;
};

/** Everything there is to know of one message that the network carried. Times are in milliseconds. */
export type CarriedMessage = {
  /** From 1 on, in the order in which the network took them. */
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly to: ChatRef;
  readonly type: string;
  readonly text: string;
  readonly mediaHash: string | null;
  /** The id of the message that it answers. */
  readonly quoted: string | null;
  readonly t: number;
  /** Finer than a millisecond. */
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

export type Entry = { readonly carried: CarriedMessage; readonly message: WireMessage };

/** Some of the truth, oldest first. `next` is what to ask for `after`; null if there is no more. */
export type TruthPage = { readonly messages: readonly CarriedMessage[]; readonly next: number | null };

/** Who hands a message in, and whom it concerns (numbers). */
type Carriage = { readonly device: string | null; readonly audience: readonly string[] };

type Refusal = { readonly id: string; readonly from: string; readonly error: number; readonly at: number };

/** The ground truth: each message once, in the order in which the network took them. Looking one up costs no search. */
export class Ledger {
  readonly #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  readonly #byAccount = new Map<string, Entry[]>();
  readonly #conversations = new Map<string, Entry[]>();
  readonly #pairs = new Set<string>();
  readonly #counters = { carried: 0, resubmitted: 0, deliveries: 0, receipts: 0 };
  readonly refused: Refusal[] = [];

  /** Takes a message. False if it was carried before under that id. */
  carry(message: WireMessage, { device, audience }: Carriage): boolean {
    const known = this.#byId.get(message.id);
    if (known) {
      if (known.carried.submissions === 1) this.#counters.resubmitted += 1;
      known.carried.submissions += 1;
      return false;
    }
    this.#counters.carried += 1;
    const entry = { carried: toCarried(message, device, this.#counters.carried), message };
    this.#entries.push(entry);
    this.#byId.set(message.id, entry);
    for (const pn of audience) push(this.#byAccount, pn, entry);
    push(this.#conversations, conversationKey(message.from, message.to), entry);
    if ('user' in message.to) this.#pairs.add(`${message.from}>${message.to.user}`);
    return true;
  }

  find(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  entries(): readonly Entry[] {
    return this.#entries;
  }

  /** What concerned the account when it was carried. */
  ofAccount(pn: string): readonly Entry[] {
    return this.#byAccount.get(pn) ?? [];
  }

  /** All that was said in a chat of this account. */
  conversation(pn: string, chat: ChatRef): readonly Entry[] {
    return this.#conversations.get(conversationKey(pn, chat)) ?? [];
  }

  /** Whether one ever wrote to the other directly. */
  hasWritten(from: string, to: string): boolean {
    return this.#pairs.has(`${from}>${to}`);
  }

  /** Up to `limit` messages whose place in the ledger is beyond `after`; of one account only if one is given. */
  page({ after, limit, pn }: { after: number; limit: number; pn?: string | undefined }): TruthPage {
    const entries = pn === undefined ? this.#entries : this.ofAccount(pn);
    const start = firstBeyond(entries, after);
    const messages = entries.slice(start, start + limit).map(({ carried }) => carried);
    const isLast = start + limit >= entries.length;
    return { messages, next: isLast ? null : (messages.at(-1)?.seq ?? null) };
  }

  delivered(device: string, id: string): void {
    const seen = this.#recordOf(device, id);
    if (!seen) return;
    seen.deliveries += 1;
    this.#counters.deliveries += 1;
  }

  receipted(device: string, id: string): void {
    const seen = this.#recordOf(device, id);
    if (!seen || seen.receiptedAt !== null) return;
    this.#counters.receipts += 1;
    seen.receiptedAt = Date.now();
    seen.place = this.#counters.receipts;
  }

  retried(device: string, id: string): void {
    const seen = this.#recordOf(device, id);
    if (seen) seen.retries = (seen.retries ?? 0) + 1;
  }

  counters(): {
    carried: number;
    resubmitted: number;
    deliveries: number;
    receipts: number;
    refused: number;
  } {
    return { ...this.#counters, refused: this.refused.length };
  }

  #recordOf(device: string, id: string): DeviceRecord | undefined {
    const carried = this.find(id)?.carried;
    if (!carried) return undefined;
    carried.devices[device] ??= { deliveries: 0, receiptedAt: null };
    return carried.devices[device];
  }
}

function toCarried(message: WireMessage, device: string | null, seq: number): CarriedMessage {
  const { attrs } = message;
  const text = attrs.caption ?? (attrs.directPath === undefined ? attrs.body : '') ?? attrs.pollName ?? '';
  return {
    seq,
    id: message.id,
    from: message.from,
    to: message.to,
    type: String(attrs.type),
    text: String(text),
    mediaHash: typeof attrs.filehash === 'string' ? attrs.filehash : null,
    quoted: quotedId(attrs),
    t: message.t,
    carriedAt: performance.timeOrigin + performance.now(),
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
}

function quotedId({ quoted }: Attributes): string | null {
  if (typeof quoted !== 'object' || quoted === null || Array.isArray(quoted)) return null;
  return typeof quoted.id === 'string' ? quoted.id : null;
}

/** Two people have one conversation, whichever of them writes; a group has one. */
function conversationKey(pn: string, chat: ChatRef): string {
  return 'group' in chat ? chat.group : [pn, chat.user].sort().join('|');
}

function push(index: Map<string, Entry[]>, key: string, entry: Entry): void {
  const known = index.get(key);
  if (known) known.push(entry);
  else index.set(key, [entry]);
}

/** Where the first entry beyond that place lies; entries are in the ledger's order. */
function firstBeyond(entries: readonly Entry[], seq: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.carried.seq ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}
