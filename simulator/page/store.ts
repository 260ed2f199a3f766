import type { Attributes, ChatRef, GroupInfo, Peer, Ratchet, WireMessage } from '../protocol.ts';

/** A message as the page keeps it. `key` and `chat` are neutral, so a change of dialect needs no migration. */
export type MessageRecord = {
  readonly key: string;
  readonly id: string;
  readonly chat: string;
  readonly fromMe: boolean;
  readonly author: string;
  readonly t: number;
  /** Order of arrival; messages of one second keep it. */
  readonly n: number;
  ack: number;
  attrs: Attributes;
  reactions: ReactionRecord[];
  /** Of a poll: the last of each voter. */
  votes?: VoteRecord[];
  /** WhatsApp's own mark on the message, which is not always true (see markReacted). */
  hasReaction?: boolean;
};
export type ReactionRecord = {
  readonly id: string;
  readonly from: string;
  readonly emoji: string;
  readonly t: number;
};

export type VoteRecord = {
  readonly id: string;
  readonly from: string;
  /** Places of the options. */
  readonly options: readonly number[];
  readonly t: number;
};

export type ChatRecord = {
  readonly key: string;
  readonly ref: ChatRef;
  t: number;
  unreadCount: number;
  /** Whether the other side ever wrote. */
  heard?: boolean;
  archive: boolean;
  pin: number;
  muteExpiration: number;
};

/** The linked device. `loginKey` cannot be exported: only this profile can prove to be the device. */
export type DeviceRecord = {
  readonly key: 'device';
  readonly noise: Uint8Array<ArrayBuffer>;
  readonly identity: Uint8Array<ArrayBuffer>;
  readonly advSecret: string;
  readonly loginKey: CryptoKeyPair;
  deviceId?: string;
  me?: Peer;
  phone?: string;
  whatsNewSeen: boolean;
};

/** `numberHidden`: the page was told the LID alone. */
export type PeerRecord = Peer & { readonly key: string; readonly numberHidden?: boolean };

type Stores = {
  device: DeviceRecord;
  messages: MessageRecord;
  chats: ChatRecord;
  peers: PeerRecord;
  /** The address book: names by number. */
  book: { key: string; name: string };
  groups: GroupInfo & { key: string };
  outbox: { key: string; message: WireMessage };
  ratchet: Ratchet & { key: 'ratchet' };
  prefs: { key: string; value: unknown };
};
type StoreName = keyof Stores;
export type Write = {
  [S in StoreName]: { store: S; put: Stores[S] } | { store: S; delete: string };
}[StoreName];

const STORES: readonly StoreName[] = [
  ...(['device', 'messages', 'chats', 'peers', 'book', 'groups', 'outbox', 'ratchet', 'prefs'] as const),
];

/**
 * The page's IndexedDB. Writes are grouped: those that come while a transaction runs go together into the next,
 * and each promise resolves only when its transaction is complete.
 */
export class PageStore {
  #database: IDBDatabase;
  #waiting: Write[] = [];
  #next: Promise<void> | undefined;
  #running: Promise<void> = Promise.resolve();

  private constructor(database: IDBDatabase) {
    this.#database = database;
  }

  static async open(): Promise<PageStore> {
    const request = indexedDB.open('model-storage', 3);
    request.onupgradeneeded = () => {
      // Of an older simulator's, whose world is gone.
      for (const name of [...request.result.objectStoreNames]) request.result.deleteObjectStore(name);
      for (const name of STORES) request.result.createObjectStore(name, { keyPath: 'key' });
      request.transaction?.objectStore('messages').createIndex('byChat', ['chat', 't', 'n']);
      request.transaction?.objectStore('messages').createIndex('byId', 'id');
    };
    return new PageStore(await settle(request));
  }

  write(writes: readonly Write[]): Promise<void> {
    this.#waiting.push(...writes);
    this.#next ??= this.#running.then(() => {
      const batch = this.#waiting.splice(0);
      this.#next = undefined;
      this.#running = this.#commit(batch);
      return this.#running;
    });
    return this.#next;
  }

  get<S extends StoreName>(store: S, key: string): Promise<Stores[S] | undefined> {
    return settle(this.#read(store).get(key)) as Promise<Stores[S] | undefined>;
  }

  all<S extends StoreName>(store: S): Promise<Stores[S][]> {
    return settle(this.#read(store).getAll()) as Promise<Stores[S][]>;
  }

  messageKeys(): Promise<string[]> {
    return settle(this.#read('messages').getAllKeys()) as Promise<string[]>;
  }

  messagesById(id: string): Promise<MessageRecord[]> {
    return settle(this.#read('messages').index('byId').getAll(id)) as Promise<MessageRecord[]>;
  }

  /** The newest `limit` messages of a chat that are older than `before`, oldest first. */
  async messagesBefore(
    chat: string,
    before: MessageRecord | undefined,
    limit: number,
  ): Promise<MessageRecord[]> {
    const upper = before ? [chat, before.t, before.n] : [chat, []];
    const range = IDBKeyRange.bound([chat], upper, false, true);
    const request = this.#read('messages').index('byChat').openCursor(range, 'prev');
    const found: MessageRecord[] = [];
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor || found.length >= limit) return resolve(found.reverse());
        found.push(cursor.value as MessageRecord);
        cursor.continue();
      };
    });
  }

  async clear(): Promise<void> {
    const transaction = this.#database.transaction(STORES, 'readwrite', { durability: 'strict' });
    for (const name of STORES) transaction.objectStore(name).clear();
    await complete(transaction);
  }

  #read(store: StoreName): IDBObjectStore {
    return this.#database.transaction(store, 'readonly').objectStore(store);
  }

  async #commit(batch: readonly Write[]): Promise<void> {
    const names = [...new Set(batch.map((write) => write.store))];
    const durability = names.includes('device') ? 'strict' : 'relaxed';
    const transaction = this.#database.transaction(names, 'readwrite', { durability });
    for (const write of lastOfEach(batch)) {
      const store = transaction.objectStore(write.store);
      if ('put' in write) store.put(write.put);
      else store.delete(write.delete);
    }
    await complete(transaction);
  }
}

/** A record that is written several times in one transaction, as a chat's is, need be written once. */
function lastOfEach(batch: readonly Write[]): Iterable<Write> {
  const last = new Map<string, Write>();
  for (const write of batch)
    last.set(`${write.store}|${'put' in write ? write.put.key : write.delete}`, write);
  return last.values();
}

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function complete(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error ?? new Error('transaction aborted'));
  });
}
