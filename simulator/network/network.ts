import { EventEmitter } from 'node:events';
import { type ChatRef, chatKey, type Envelope, type GroupInfo, type WireMessage } from '../protocol.ts';
import type { Account } from './account.ts';
import { giveBook } from './address-book.ts';
import { LinkedDevice } from './device.ts';
import { Directory } from './directory.ts';
import { FaultRegistry } from './faults.ts';
import { Ledger } from './ledger.ts';
import { MediaStore } from './media-store.ts';
import { Rejection } from './rejection.ts';
import { DEFAULT_SETTINGS, type WorldSettings } from './settings.ts';
import { Timers } from './timers.ts';

export type Origin = { readonly account: Account; readonly device: LinkedDevice | null };
export type CarryOptions = {
  readonly twice?: boolean;
  readonly ackFirst?: boolean;
  readonly redeliver?: boolean;
};

/**
 * The network: accounts, their devices, groups, and every message between them. It never hands a message to a
 * device again that the device receipted, and drops a message whose id it has carried before.
 */
export class Network {
  readonly faults = new FaultRegistry(() => this.changed());
  readonly directory = new Directory();
  readonly ledger = new Ledger();
  readonly media = new MediaStore();
  readonly timers = new Timers();
  readonly changes = new EventEmitter();
  readonly missingModules = new Map<string, number>();
  settings: WorldSettings = { ...DEFAULT_SETTINGS };
  #lastDevice = 0;
  /** How much of each conversation an account has read: that many messages from its beginning. */
  readonly #readUpTo = new Map<string, number>();
  /** What waits for phones that are off. */
  readonly #late = new Map<Account, Set<string>>();

  constructor() {
    this.changes.setMaxListeners(0);
  }

  /** Tells those who wait for a condition to look again. */
  changed(): void {
    this.changes.emit('changed');
  }

  devices(): LinkedDevice[] {
    return this.directory.accounts().flatMap((account) => [...account.devices.values()]);
  }

  findDevice(id: string): LinkedDevice | undefined {
    return this.devices().find((device) => device.id === id);
  }

  addDevice(account: Account, loginKey: JsonWebKey): LinkedDevice {
    this.#lastDevice += 1;
    const device = new LinkedDevice(`${account.pn}:${this.#lastDevice}`, account, loginKey, {
      delivered: (at, envelope) => {
        if (envelope.kind === 'message') this.ledger.delivered(at.id, envelope.message.id);
      },
      receipted: (at, envelope) => this.#receipted(at, envelope),
      retried: (at, envelope) => {
        if (envelope.kind === 'message') this.ledger.retried(at.id, envelope.message.id);
      },
    });
    account.devices.set(device.id, device);
    this.#giveHistory(device);
    giveBook(this, device);
    this.changed();
    return device;
  }

  removeDevice(device: LinkedDevice): void {
    device.account.devices.delete(device.id);
    this.changed();
  }

  putGroup(group: GroupInfo): void {
    this.directory.putGroup(group);
    for (const { pn } of group.participants) {
      const envelope: Envelope = { kind: 'group', group, peers: this.directory.peersOf(group) };
      for (const device of this.directory.findByPn(pn)?.devices.values() ?? []) device.enqueue(envelope);
    }
    this.changed();
  }

  /** Takes a message and passes it on. False if it was carried before; then nothing else happens. */
  carry(origin: Origin, message: WireMessage, options: CarryOptions = {}): boolean {
    const audience = this.directory.audience(message);
    const isNew = this.ledger.carry(message, {
      device: origin.device?.id ?? null,
      audience: audience.map(({ pn }) => pn),
    });
    if (!isNew && !options.redeliver) {
      this.changed();
      return false;
    }
    const { redeliver: _, ...manner } = options;
    const group = 'group' in message.to ? this.directory.findGroup(message.to.group) : undefined;
    const envelope = {
      kind: 'message',
      message,
      peers: this.directory.peersFor(message),
      group,
      ack: 1,
      ...manner,
    } as const;
    for (const account of audience) {
      for (const device of account.devices.values()) {
        if (device === origin.device) continue;
        device.enqueue({ ...envelope, chat: chatFor(account, message) });
      }
    }
    if (isNew) for (const receiver of this.directory.receivers(message)) this.#arrive(receiver, message.id);
    this.changed();
    return isNew;
  }

  /** Passes a change of a message (edit, revoke, reaction, vote) to everyone who has it, but not to its origin. */
  spread(origin: Origin, message: WireMessage, envelope: Envelope): void {
    for (const account of this.directory.audience(message)) {
      for (const device of account.devices.values()) if (device !== origin.device) device.enqueue(envelope);
    }
    this.changed();
  }

  /** Everything in that chat that the account has not read yet is read now. */
  read(account: Account, chat: ChatRef, reader: LinkedDevice | null): number {
    const isMember = 'user' in chat || this.directory.groupsOf(account).some(({ id }) => id === chat.group);
    const count = isMember ? this.#readConversation(account, chat) : 0;
    for (const device of account.devices.values())
      if (device !== reader) device.enqueue({ kind: 'read', chat });
    this.changed();
    return count;
  }

  /** A voice message was listened to. */
  played(account: Account, id: string): void {
    const carried = this.ledger.find(id)?.carried;
    if (!carried) throw new Rejection(404, `no message ${id}`);
    carried.deliveredTo[account.pn] ??= Date.now();
    carried.readBy[account.pn] ??= Date.now();
    carried.playedBy[account.pn] = Date.now();
    this.#settleAck(id, 3);
    this.#settleAck(id, 4);
  }

  /** Tells the sender's devices of an ack, in the way the faults have it. */
  tellAck(id: string, ack: number, error?: number): void {
    const entry = this.ledger.find(id);
    const sender = entry && this.directory.findByPn(entry.message.from);
    if (!entry || !sender) return;
    const fault = this.faults.take('ack', sender.name, (spec) => spec.levels?.includes(ack) ?? true);
    const negative = fault?.mode === 'negative';
    if (fault?.mode === 'drop') return;
    const envelope: Envelope = negative
      ? { kind: 'ack', id, ack: -1, error: fault.error ?? 500 }
      : { kind: 'ack', id, ack, ...(error === undefined ? {} : { error }) };
    const tell = () => {
      for (const device of sender.devices.values()) device.enqueue(envelope);
    };
    if (fault?.mode === 'delay') this.timers.after(fault.delayMs ?? 1000, tell);
    else tell();
  }

  /** A phone comes back: what was sent to it meanwhile arrives. */
  arriveLate(account: Account): void {
    const late = this.#late.get(account);
    this.#late.delete(account);
    for (const id of late ?? []) this.#arrive(account, id);
  }

  #arrive(receiver: Account, id: string): void {
    if (!receiver.online) {
      this.#late.set(receiver, (this.#late.get(receiver) ?? new Set()).add(id));
      return;
    }
    this.timers.after(this.settings.deliveryMs, () => {
      const entry = this.ledger.find(id);
      if (!entry || entry.carried.deliveredTo[receiver.pn] !== undefined) return;
      entry.carried.deliveredTo[receiver.pn] = Date.now();
      this.#settleAck(id, 2);
      if (receiver.autoRead) {
        entry.carried.readBy[receiver.pn] = Date.now();
        this.#settleAck(id, 3);
      }
      this.changed();
    });
  }

  /** Raises the message's ack once every receiver has come so far. */
  #settleAck(id: string, level: 2 | 3 | 4): void {
    const entry = this.ledger.find(id);
    if (!entry || entry.carried.ack >= level) return;
    const seen = { 2: entry.carried.deliveredTo, 3: entry.carried.readBy, 4: entry.carried.playedBy }[level];
    if (!this.directory.receivers(entry.message).every(({ pn }) => seen[pn] !== undefined)) return;
    if (level === 3) this.#settleAck(id, 2);
    entry.carried.ack = level;
    this.tellAck(id, level);
  }

  #readConversation(account: Account, chat: ChatRef): number {
    const key = `${account.pn}|${chatKey(chat)}`;
    const entries = this.ledger.conversation(account.pn, chat);
    let count = 0;
    for (const { message, carried } of entries.slice(this.#readUpTo.get(key) ?? 0)) {
      if (message.from === account.pn || carried.readBy[account.pn] !== undefined) continue;
      carried.deliveredTo[account.pn] ??= Date.now();
      carried.readBy[account.pn] = Date.now();
      this.#settleAck(message.id, 3);
      count += 1;
    }
    this.#readUpTo.set(key, entries.length);
    return count;
  }

  #receipted(device: LinkedDevice, envelope: Envelope): void {
    if (envelope.kind === 'message') {
      const { id, from } = envelope.message;
      this.ledger.receipted(device.id, id);
      const entry = this.ledger.find(id);
      if (entry && from !== device.account.pn && !envelope.history) {
        entry.carried.deliveredTo[device.account.pn] ??= Date.now();
        this.#settleAck(id, 2);
      }
    }
    this.changed();
  }

  #giveHistory(device: LinkedDevice): void {
    const { account } = device;
    const { historyOnLink } = this.settings;
    if (historyOnLink === 0) return;
    for (const { message, carried } of this.ledger.ofAccount(account.pn).slice(-historyOnLink)) {
      const chat = chatFor(account, message);
      const group = 'group' in message.to ? this.directory.findGroup(message.to.group) : undefined;
      const peers = this.directory.peersFor(message);
      device.enqueue({ kind: 'message', message, chat, peers, group, ack: carried.ack, history: true });
    }
  }
}

/** The chat a message lies in for this account. */
export function chatFor(account: Account, message: WireMessage): ChatRef {
  if ('group' in message.to) return message.to;
  return { user: message.from === account.pn ? message.to.user : message.from };
}
