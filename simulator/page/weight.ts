import type { PageWeight } from '../protocol.ts';

/** Records in a megabyte: see `makeRecords`. */
const RECORDS_PER_MB = 1_000;
const TEXT_LENGTH = 200;
/** Of one row of the storage, which they fill by half a kilobyte each. */
const MESSAGES_PER_ROW = 50;
const ROWS_PER_MB = 40;
const CHATS = 40;

/** Held for as long as the document lives. */
const held: object[] = [];

/** Makes the page as heavy as that, each megabyte within a tenth. Rows that its storage has already are not written again. */
export async function takeWeight({ heapMb, nodes, storageMb }: PageWeight): Promise<void> {
  for (let mb = 0; mb < heapMb; mb += 1) held.push(makeRecords());
  addNodes(nodes);
  if (storageMb > 0) await fillStorage(Math.ceil(storageMb * ROWS_PER_MB));
}

/** Objects of a few fields and texts, like the models of messages: a kilobyte each. */
function makeRecords(): object {
  const filling = '.'.repeat(TEXT_LENGTH);
  const records = Array.from({ length: RECORDS_PER_MB }, (_, n) => {
    const [id, body, author, key] = ['id', 'body', 'author', 'key'].map(
      (field) => `${n} ${field} ${filling}`,
    );
    return { id, body, author, key, t: n, ack: 0, isNew: false, media: { stage: 'RESOLVED', size: n } };
  });
  // What is built of pieces is kept as pieces; what is read from JSON is each a whole.
  return JSON.parse(JSON.stringify(records)) as object;
}

/** Rows of a list with a name and a text, out of sight below the page, as a browser lays them out. */
function addNodes(count: number): void {
  const list = document.createElement('div');
  for (let made = 0; made < count; made += 3) {
    const row = document.createElement('div');
    for (const text of [`Chat ${made}`, 'The last message of this chat']) {
      const cell = document.createElement('span');
      cell.textContent = text;
      row.append(cell);
    }
    list.append(row);
  }
  if (count > 0) document.body.append(list);
}

/** A database beside the page's own. */
async function fillStorage(rows: number): Promise<void> {
  const opening = indexedDB.open('weight', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('rows');
  const database = await settle(opening);
  const there = await settle(database.transaction('rows').objectStore('rows').count());
  for (let row = there; row < rows; row += 1) {
    const store = database.transaction('rows', 'readwrite').objectStore('rows');
    await settle(store.put(makeRow(), row));
  }
  database.close();
}

/** Messages, of which a quarter is secret to whoever packs them: ids, keys and what is encrypted. */
function makeRow(): object[] {
  return Array.from({ length: MESSAGES_PER_ROW }, (_, n) => ({
    id: { fromMe: n % 2 === 0, remote: `1555${1_000_000 + (n % CHATS)}@c.us`, id: makeHex(16) },
    type: 'chat',
    t: 1_790_000_000 + n,
    ack: 3,
    notifyName: 'Alice from the market',
    body: 'Good morning, could you tell me whether the blue one is still in stock? I would come by today.',
    viewMode: 'VISIBLE',
    isForwarded: false,
    mentionedJidList: [],
    opaque: {
      key: crypto.getRandomValues(new Uint8Array(32)),
      bytes: crypto.getRandomValues(new Uint8Array(96)),
    },
  }));
}

function makeHex(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
