import type { ChatRef, GroupInfo, Peer } from '../protocol.ts';
import { chatKey } from '../protocol.ts';
import {
  chatWid,
  findPeer,
  getMe,
  hiddenNumbers,
  hideNumber,
  isNumberHidden,
  learnPeers,
  lidWid,
  pnWid,
  revealNumber,
  userWid,
} from './addresses.ts';
import { dialect, hasPageFault } from './dialect.ts';
import type { Values } from './model.ts';
import {
  ChatModel,
  ContactModel,
  chats,
  contacts,
  GroupMetadataModel,
  groupMetadata,
  type MsgModel,
  msgs,
} from './models.ts';
import { recordToKey, recordToModel } from './records.ts';
import type { ChatRecord, MessageRecord, PageStore, PeerRecord, Write } from './store.ts';

/** How many messages one step back in a chat's history brings. */
const EARLIER_PER_LOAD = 50;

/**
 * What the page knows of chats, contacts and messages: the stored records and the models made of them. Models of
 * messages are only made for those loaded; the records of the rest stay in the store.
 */
export class PageWorld {
  readonly store: PageStore;
  readonly #chatRecords = new Map<string, ChatRecord>();
  readonly #records = new Map<string, MessageRecord>();
  /** The ids of all stored messages: a new one must not cost a read. */
  #stored = new Set<string>();
  readonly #groups = new Map<string, GroupInfo>();
  readonly #book = new Map<string, string>();

  constructor(store: PageStore) {
    this.store = store;
  }

  /** Reads back everything but old messages; of those the newest `perChat` of each chat become models. */
  async load(perChat: number): Promise<void> {
    const peers = await this.store.all('peers');
    learnPeers(peers);
    for (const { pn, numberHidden } of peers) if (numberHidden) hideNumber(pn);
    for (const { key, name } of await this.store.all('book')) this.#book.set(key, name);
    this.#stored = new Set(
      (await this.store.messageKeys()).map((key) => key.slice(key.lastIndexOf('|') + 1)),
    );
    for (const group of await this.store.all('groups')) this.#groups.set(group.id, group);
    for (const record of await this.store.all('chats')) this.#chatRecords.set(record.key, record);
    for (const record of this.#chatRecords.values()) {
      const chat = this.chat(record.ref);
      for (const stored of await this.store.messagesBefore(record.key, undefined, perChat)) {
        if (!this.#records.has(stored.id)) this.show(stored, false, chat);
      }
    }
    for (const pn of this.#book.keys()) this.contact(pn);
    this.sortChats();
  }

  /** The chat's model, made on first use. */
  chat(ref: ChatRef): ChatModel {
    const wid = chatWid(ref);
    const found = chats.get(wid);
    if (found) return found;
    const record = this.chatRecord(ref);
    const chat = new ChatModel({
      id: wid,
      t: record.t,
      unreadCount: record.unreadCount,
      archive: record.archive,
      pin: record.pin,
      muteExpiration: record.muteExpiration,
      name: this.#nameOf(ref),
      isReadOnly: false,
      ...(dialect.addresses === 'lid' && 'user' in ref ? { accountLid: wid } : {}),
    });
    chat.mute.expiration = record.muteExpiration;
    chat.isHeard = () => record.heard === true;
    chat.persist = () => void this.store.write([this.#takeFromModel(ref, chat)]);
    if ('group' in ref) this.#attachGroup(ref.group, chat);
    else this.contact(ref.user);
    chats.add(chat);
    return chat;
  }

  contact(pn: string): ContactModel {
    const wid = userWid(pn);
    const found = contacts.get(wid);
    if (found) return found;
    const peer = findPeer(pn);
    const contact = new ContactModel({
      id: wid,
      phoneNumber: isNumberHidden(pn) ? undefined : pnWid(pn),
      lid: lidWid(pn),
      pushname: peer?.pushname,
      ...bookValues(this.#book.get(pn)),
      type: 'in',
    });
    contacts.add(contact);
    return contact;
  }

  chatRecord(ref: ChatRef): ChatRecord {
    const key = chatKey(ref);
    const found = this.#chatRecords.get(key);
    if (found) return found;
    const record: ChatRecord = { key, ref, t: 0, unreadCount: 0, archive: false, pin: 0, muteExpiration: 0 };
    this.#chatRecords.set(key, record);
    return record;
  }

  /** The stored message of that id, whichever chat it lies in. */
  async findRecord(id: string): Promise<MessageRecord | undefined> {
    const known = this.#records.get(id);
    if (known || !this.#stored.has(id)) return known;
    const [stored] = await this.store.messagesById(id);
    if (stored) this.#records.set(id, stored);
    return stored;
  }

  remember(record: MessageRecord): void {
    this.#stored.add(record.id);
    this.#records.set(record.id, record);
  }

  findModel(record: MessageRecord): MsgModel | undefined {
    return msgs.get(recordToKey(record));
  }

  /** Makes the message's model and puts it into its chat and the page's messages. */
  show(record: MessageRecord, isNewMsg: boolean, chat: ChatModel): MsgModel {
    const model = recordToModel(record, isNewMsg);
    this.#records.set(record.id, record);
    chat.msgs.add(model);
    chat.set({ t: Math.max(record.t, Number(chat.get('t') ?? 0)), lastReceivedKey: model.key() });
    msgs.add(model);
    return model;
  }

  /** Takes one step back in a chat's history; empty at its beginning. */
  async loadEarlier(chat: ChatModel): Promise<MsgModel[]> {
    const oldest = chat.msgs.first()?.record;
    const key = chatKey(this.#refOf(chat));
    const stored = await this.store.messagesBefore(key, oldest, EARLIER_PER_LOAD);
    const models = stored
      .filter((record) => !chat.msgs.get(recordToKey(record)))
      .map((record) => recordToModel(record, false));
    for (const model of models) if (model.record) this.#records.set(model.record.id, model.record);
    chat.msgs.add(models, { silent: true });
    msgs.add(models);
    chat.msgs.sortBy(
      (a, b) => (a.record?.t ?? 0) - (b.record?.t ?? 0) || (a.record?.n ?? 0) - (b.record?.n ?? 0),
    );
    return models;
  }

  /** While LIDs come without their numbers, somebody new is known by LID alone. */
  takePeers(peers: readonly Peer[]): Write[] {
    const isLate = dialect.addresses === 'lid' && hasPageFault('lookup', 'late-lid');
    const fresh = peers.filter((peer) => findPeer(peer.pn)?.pushname !== peer.pushname);
    for (const { pn } of fresh)
      if (isLate && findPeer(pn) === undefined && pn !== getMe()?.pn) hideNumber(pn);
    learnPeers(fresh);
    for (const { pn, pushname } of fresh) contacts.get(userWid(pn))?.set({ pushname });
    return fresh.map((peer) => ({ store: 'peers', put: toPeerRecord(peer) }));
  }

  /** The numbers of these, or of all, become known beside their LIDs. */
  revealNumbers(pns: readonly string[] = hiddenNumbers()): Write[] {
    return pns.filter(revealNumber).flatMap((pn): Write[] => {
      contacts.get(userWid(pn))?.set({ phoneNumber: pnWid(pn) });
      const peer = findPeer(pn);
      return peer ? [{ store: 'peers', put: toPeerRecord(peer) }] : [];
    });
  }

  /** What the phone's address book says of somebody; null: nothing any more. */
  takeContact(peer: Peer, name: string | null): { writes: Write[]; show: () => void } {
    const { pn } = peer;
    if (name === null) this.#book.delete(pn);
    else this.#book.set(pn, name);
    const write: Write =
      name === null ? { store: 'book', delete: pn } : { store: 'book', put: { key: pn, name } };
    const show = () => {
      this.contact(pn).set(bookValues(this.#book.get(pn)));
      chats.get(chatWid({ user: pn }))?.set({ name: this.#nameOf({ user: pn }) });
    };
    return { writes: [...this.takePeers([peer]), write], show };
  }

  takeGroup(group: GroupInfo): Write[] {
    this.#groups.set(group.id, group);
    const chat = chats.get(chatWid({ group: group.id }));
    if (chat) this.#attachGroup(group.id, chat);
    return [{ store: 'groups', put: { ...group, key: group.id } }];
  }

  sortChats(): void {
    chats.sortBy((a, b) => Number(b.get('t') ?? 0) - Number(a.get('t') ?? 0));
  }

  #nameOf(ref: ChatRef): string | undefined {
    return 'user' in ref ? (this.#book.get(ref.user) ?? findPeer(ref.user)?.pushname) : undefined;
  }

  #attachGroup(id: string, chat: ChatModel): void {
    const wid = chatWid({ group: id });
    const metadata = groupMetadata.get(wid) ?? new GroupMetadataModel({ id: wid });
    groupMetadata.add(metadata);
    const group = this.#groups.get(id);
    if (group) metadata.take(group, userWid, dialect.addresses === 'lid');
    chat.groupMetadata = metadata;
    chat.set({ name: group?.subject });
  }

  #refOf(chat: ChatModel): ChatRef {
    for (const record of this.#chatRecords.values())
      if (chatWid(record.ref).equals(chat.wid())) return record.ref;
    throw new Error(`unknown chat ${chat.wid()._serialized}`);
  }

  #takeFromModel(ref: ChatRef, chat: ChatModel): Write {
    const record = this.chatRecord(ref);
    record.t = Number(chat.get('t') ?? 0);
    record.unreadCount = Number(chat.get('unreadCount') ?? 0);
    record.archive = chat.get('archive') === true;
    record.pin = Number(chat.get('pin') ?? 0);
    record.muteExpiration = Number(chat.get('muteExpiration') ?? 0);
    return { store: 'chats', put: record };
  }
}

/** What the address book gives a contact; nothing if it is not in it. */
function bookValues(name: string | undefined): Values {
  if (name === undefined) return { name: undefined, shortName: undefined, isAddressBookContact: 0 };
  return { name, shortName: name.split(' ')[0], isAddressBookContact: 1 };
}

function toPeerRecord(peer: Peer): PeerRecord {
  const { pn, lid, pushname } = peer;
  return { key: pn, pn, lid, pushname, ...(isNumberHidden(pn) ? { numberHidden: true } : {}) };
}
