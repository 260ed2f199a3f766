import type { SendResult, WireMessage } from '../protocol.ts';
import { chatRef, getMe } from './addresses.ts';
import { takePageFault } from './dialect.ts';
import type { Values } from './model.ts';
import type { ChatModel, MsgModel } from './models.ts';
import { MsgKey } from './msg-key.ts';
import type { PageRatchet } from './ratchet.ts';
import { messageToRecord, valuesToAttrs } from './records.ts';
import type { PageWorld } from './world.ts';

type SendReport = { messageSendResult: string; t?: number; count: null; errorCode?: number };

/**
 * Sends what the library adds to a chat. A message is first written to the store together with its entry in the
 * outbox; the entry goes when the network answers, and until then every login sends it again under the same id.
 */
export class Outbound {
  readonly #world: PageWorld;
  readonly #ratchet: PageRatchet;
  readonly #transmit: (message: WireMessage) => boolean;
  readonly #waiting = new Map<string, (report: SendReport) => void>();

  constructor(world: PageWorld, ratchet: PageRatchet, transmit: (message: WireMessage) => boolean) {
    this.#world = world;
    this.#ratchet = ratchet;
    this.#transmit = transmit;
  }

  /** The two promises the library expects: the message is in the page; the network has answered. */
  add(chat: ChatModel, values: Values): [Promise<MsgModel>, Promise<SendReport>] {
    const refused = takePageFault('send', 'refuse');
    if (refused) throw new Error(refused.text || 'the page refuses to send');
    if (takePageFault('send', 'hang')) return [new Promise(() => undefined), new Promise(() => undefined)];
    const sent = new Promise<SendReport>((resolve) => this.#waiting.set((values.id as MsgKey).id, resolve));
    return [this.#add(chat, values), sent];
  }

  /** Sends everything that the network has not answered yet. */
  async resend(): Promise<void> {
    const entries = await this.#world.store.all('outbox');
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const entry of entries) this.#transmit(entry.message);
  }

  async settle(id: string, result: SendResult): Promise<void> {
    const record = await this.#world.findRecord(id);
    if (!record) return;
    // Kept apart: while this is being stored a further ack may raise the record, and each ack is an event.
    const ack = result.ok ? Math.max(record.ack, 1) : -1;
    record.ack = ack;
    if (!result.ok) record.attrs = { ...record.attrs, errorCode: result.error };
    await this.#world.store.write([
      { store: 'messages', put: record },
      { store: 'outbox', delete: outboxKey(record.n, id) },
    ]);
    const model = this.#world.findModel(record);
    if (result.ok && model?.get('isUnsentMedia') === true) model.set({ isUnsentMedia: false });
    model?.set(result.ok ? { ack } : { ack, errorCode: result.error });
    const report = result.ok
      ? { messageSendResult: 'OK', t: result.t, count: null }
      : { messageSendResult: 'ERROR_UNKNOWN', count: null, errorCode: result.error };
    this.#waiting.get(id)?.(report);
    this.#waiting.delete(id);
  }

  async #add(chat: ChatModel, values: Values): Promise<MsgModel> {
    const key = MsgKey.from(values.id);
    const ref = chatRef(chat.wid());
    const message: WireMessage = {
      id: key.id,
      from: getMe()?.pn ?? '',
      to: ref,
      t: Number(values.t),
      attrs: valuesToAttrs(values),
    };
    const record = messageToRecord(message, ref, 0);
    const chatRecord = this.#world.chatRecord(ref);
    chatRecord.t = Math.max(chatRecord.t, record.t);
    this.#world.remember(record);
    await this.#world.store.write([
      { store: 'messages', put: record },
      { store: 'outbox', put: { key: outboxKey(record.n, key.id), message } },
      { store: 'chats', put: chatRecord },
      this.#ratchet.advance({ sent: this.#ratchet.state.sent + 1 }),
    ]);
    const model = this.#world.show(record, true, this.#world.chat(ref));
    if (model.mediaData) model.set({ isUnsentMedia: true }, { silent: true });
    this.#world.sortChats();
    this.#transmit(message);
    return model;
  }
}

/** Sorts the outbox by order of composition. */
function outboxKey(order: number, id: string): string {
  return `${String(order).padStart(20, '0')}|${id}`;
}
