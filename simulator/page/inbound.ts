import { authorOf, type Delivery, type Envelope, type WireMessage } from '../protocol.ts';
import {
  keepReaction,
  keepVote,
  markReacted,
  pollVotes,
  reactions,
  toReactionEvent,
  toVoteEvent,
} from './addons.ts';
import { getMe } from './addresses.ts';
import { takePageFault } from './dialect.ts';
import { type MsgModel, msgs } from './models.ts';
import type { PageRatchet } from './ratchet.ts';
import { fillModel, messageToRecord, recordChat, recordToModel } from './records.ts';
import type { MessageRecord, Write } from './store.ts';
import type { PageWorld } from './world.ts';

type Step = { readonly writes: readonly Write[]; readonly show: () => void };
type MessageEnvelope = Extract<Envelope, { kind: 'message' }>;
type Answers = {
  readonly receipt: (seqs: readonly number[]) => void;
  readonly retry: (seqs: readonly number[]) => void;
  /** Resolves when the network has had everything that was answered. */
  readonly arrived: () => Promise<unknown>;
};

/** The type of a message that could not be read yet: the page shows that it waits for it. */
const UNREADABLE = 'ciphertext';
/** Between two looks at what else the page has to do. */
const SHOWN_AT_ONCE = 500;
const NOTHING: Step = { writes: [], show: () => undefined };

/**
 * Takes what the network delivers: writes it to the store, receipts it once that is durable, and only then shows
 * it to whoever listens. So a message can be receipted and yet never have been heard of outside the page. What it
 * cannot read it asks for again; of a message it keeps and shows the place.
 */
export class Inbound {
  readonly #world: PageWorld;
  readonly #ratchet: PageRatchet;
  readonly #answers: Answers;
  readonly #queue: Delivery[] = [];
  readonly #earlyAcks = new Map<string, number>();
  #running: Promise<void> | undefined;
  /** What is stored and receipted and waits for `show`; undefined while everything is shown as it comes. */
  #held: Step[] | undefined;
  /** Whether messages count as news; until the first sync they do not. */
  isNews = false;

  constructor(world: PageWorld, ratchet: PageRatchet, answers: Answers) {
    this.#world = world;
    this.#ratchet = ratchet;
    this.#answers = answers;
  }

  take(items: readonly Delivery[]): void {
    this.#queue.push(...items);
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
  }

  /** From now on nothing is shown. */
  hold(): void {
    this.#held ??= [];
  }

  /** Shows what was held, and from now on what comes. */
  async show(): Promise<void> {
    while (this.#held && this.#held.length > 0) {
      for (const step of this.#held.splice(0, SHOWN_AT_ONCE)) step.show();
      this.#world.sortChats();
      await new Promise((resolve) => setTimeout(resolve));
    }
    this.#held = undefined;
  }

  /** Resolves when nothing that was taken waits any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, 500);
      const steps: Step[] = [];
      for (const item of batch) steps.push(await this.#prepareItem(item));
      const writes = steps.flatMap((step) => step.writes);
      if (writes.length > 0) await this.#world.store.write(writes);
      const [unreadable, read] = [true, false].map((which) =>
        batch.filter((item) => (item.unreadable ?? false) === which).map(({ seq }) => seq),
      );
      if (read?.length) this.#answers.receipt(read);
      if (unreadable?.length) this.#answers.retry(unreadable);
      if (batch.some(({ envelope }) => envelope.kind === 'message') && takePageFault('receipt', 'reload')) {
        await this.#answers.arrived();
        location.reload();
        return new Promise(() => undefined);
      }
      if (this.#held) this.#held.push(...steps);
      else for (const step of steps) step.show();
      this.#world.sortChats();
    }
  }

  async #prepareItem({ seq, envelope, unreadable }: Delivery): Promise<Step> {
    if (unreadable) return envelope.kind === 'message' ? this.#prepareUnreadable(envelope) : NOTHING;
    const step = await this.#prepare(envelope);
    if (authorOf(envelope) === undefined) return step;
    return { ...step, writes: [...step.writes, this.#ratchet.advance({ received: seq })] };
  }

  #prepare(envelope: Envelope): Step | Promise<Step> {
    switch (envelope.kind) {
      case 'message':
        return this.#prepareMessage(envelope);
      case 'ack':
        return this.#prepareAck(envelope.id, envelope.ack, envelope.error);
      case 'edit':
        return this.#prepareChange(envelope.id, (record) => {
          const field = record.attrs.directPath === undefined ? 'body' : 'caption';
          const edited = { [field]: envelope.text, latestEditSenderTimestampMs: envelope.t };
          record.attrs = { ...record.attrs, ...edited };
          return (model) => model.set({ ...edited, latestEditMsgKey: model.key() });
        });
      case 'revoke':
        return this.#prepareChange(envelope.id, (record) => {
          const subtype = envelope.by === record.author ? 'sender' : 'admin';
          record.attrs = { type: 'revoked', subtype };
          return (model) => {
            model.mediaData = undefined;
            model.set({
              type: 'revoked',
              subtype,
              body: undefined,
              caption: undefined,
              directPath: undefined,
            });
          };
        });
      case 'reaction':
        return this.#prepareAddon(envelope.target, (record) => {
          keepReaction(record, envelope);
          return (target) => {
            if (markReacted(target, envelope))
              void this.#world.store.write([{ store: 'messages', put: record }]);
            reactions.reactionTableMode.bulkUpsert([toReactionEvent(target, envelope)]);
          };
        });
      case 'vote':
        return this.#prepareAddon(envelope.target, (record) => {
          keepVote(record, envelope);
          return (target) => pollVotes.pollVoteTableMode.bulkUpsert([toVoteEvent(target, envelope)]);
        });
      case 'contact':
        return this.#world.takeContact(envelope.peer, envelope.name);
      case 'group': {
        const writes = [...this.#world.takePeers(envelope.peers), ...this.#world.takeGroup(envelope.group)];
        return { writes, show: () => undefined };
      }
      case 'read': {
        const record = this.#world.chatRecord(envelope.chat);
        record.unreadCount = 0;
        const show = () => void this.#world.chat(envelope.chat).set({ unreadCount: 0 });
        return { writes: [{ store: 'chats', put: record }], show };
      }
      default:
        return envelope satisfies never;
    }
  }

  async #prepareMessage(envelope: MessageEnvelope): Promise<Step> {
    const { message, chat: ref } = envelope;
    const peers = this.#world.takePeers(envelope.peers);
    const group = envelope.group ? this.#world.takeGroup(envelope.group) : [];
    const known = await this.#findKnown(message);
    if (known?.attrs.type === UNREADABLE && message.attrs.type !== UNREADABLE) {
      known.attrs = message.attrs;
      const show = () => {
        const model = this.#world.findModel(known);
        if (model) fillModel(model, message.attrs);
      };
      return { writes: [...peers, ...group, { store: 'messages', put: known }], show };
    }
    if (known) return { writes: [...peers, ...group], show: () => undefined };
    const ack = Math.max(envelope.ack, this.#earlyAcks.get(message.id) ?? 0);
    this.#earlyAcks.delete(message.id);
    const record = messageToRecord(message, ref, ack);
    this.#world.remember(record);
    const chatRecord = this.#world.chatRecord(ref);
    chatRecord.t = Math.max(chatRecord.t, record.t);
    if (!record.fromMe && !envelope.history) chatRecord.unreadCount += 1;
    if (!record.fromMe) chatRecord.heard = true;
    const isNews = this.isNews && !envelope.history;
    // As it is now: whoever listens hears of each message's own change, also when many come together.
    const { unreadCount } = chatRecord;
    return {
      writes: [...peers, ...group, { store: 'messages', put: record }, { store: 'chats', put: chatRecord }],
      show: () => {
        const chat = this.#world.chat(ref);
        if (envelope.ackFirst) msgs.trigger('change:ack', this.#preview(record), record.ack);
        const model = this.#world.show(record, isNews, chat);
        if (envelope.twice) msgs.trigger('add', model, msgs);
        chat.set({ unreadCount });
      },
    };
  }

  #prepareUnreadable(envelope: MessageEnvelope): Promise<Step> {
    const message = { ...envelope.message, attrs: { type: UNREADABLE } };
    return this.#prepareMessage({ ...envelope, message });
  }

  #preview(record: MessageRecord): MsgModel {
    const chat = this.#world.chat(recordChat(record));
    const model = this.#world.show(record, false, chat);
    msgs.remove(model, { silent: true });
    chat.msgs.remove(model, { silent: true });
    return model;
  }

  #prepareAck(id: string, ack: number, error?: number): Promise<Step> {
    return this.#prepareChange(
      id,
      (record) => {
        const next = ack < 0 ? ack : Math.max(record.ack, ack);
        record.ack = next;
        if (error !== undefined) record.attrs = { ...record.attrs, errorCode: error };
        return (model) => model.set(error === undefined ? { ack: next } : { ack: next, errorCode: error });
      },
      () => this.#earlyAcks.set(id, Math.max(ack, this.#earlyAcks.get(id) ?? 0)),
    );
  }

  /** A change of a message that may lie in the store only; one that is unknown is left alone. */
  async #prepareChange(
    id: string,
    change: (record: MessageRecord) => (model: MsgModel) => unknown,
    unknown: () => unknown = () => undefined,
  ): Promise<Step> {
    const record = await this.#world.findRecord(id);
    if (!record) {
      unknown();
      return NOTHING;
    }
    const show = change(record);
    return {
      writes: [{ store: 'messages', put: record }],
      show: () => {
        const model = this.#world.findModel(record);
        if (model) show(model);
      },
    };
  }

  /** A reaction or a vote: its row passes through the table also where its message lies in the store only. */
  async #prepareAddon(
    id: string,
    change: (record: MessageRecord) => (target: MsgModel) => unknown,
  ): Promise<Step> {
    const record = await this.#world.findRecord(id);
    if (!record) return NOTHING;
    const tell = change(record);
    const show = () => void tell(this.#world.findModel(record) ?? recordToModel(record, false));
    return { writes: [{ store: 'messages', put: record }], show };
  }

  async #findKnown(message: WireMessage): Promise<MessageRecord | undefined> {
    const record = await this.#world.findRecord(message.id);
    return record?.fromMe === (message.from === getMe()?.pn) ? record : undefined;
  }
}
