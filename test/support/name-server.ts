import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const TYPE_A = 1;
const NAME_ERROR = 3;
const HEADER_BYTES = 12;

/** A name server of IPv4 addresses, for one test. */
export interface NameServer extends AsyncDisposable {
  /** As `setServers` takes it. */
  readonly address: string;
  /** The names that were asked for, in their order. */
  readonly asked: readonly string[];
  /** Resolves once somebody has asked. */
  readonly firstAsked: Promise<unknown>;
}

/** Answers by the table; asked for one that is `silent` it says nothing, and of all others that they are none. */
export async function openNameServer(
  table: Readonly<Record<string, readonly string[] | 'silent'>>,
): Promise<NameServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  const first = Promise.withResolvers<void>();
  socket.on('message', (query, { address, port }) => {
    const { name, type, end } = readQuestion(query);
    asked.push(name);
    first.resolve();
    const found = table[name];
    if (found === 'silent') return;
    const answers = type === TYPE_A ? (found ?? []) : [];
    socket.send(makeAnswer(query.subarray(0, end), found === undefined, answers), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    firstAsked: first.promise,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** The one question of a query, and where it ends. */
function readQuestion(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** `asked` is the query to the end of its question. */
function makeAnswer(asked: Buffer, isNone: boolean, addresses: readonly string[]): Buffer {
  const head = Buffer.from(asked);
  // A response, to one who wanted recursion, which is available.
  head.writeUInt16BE(0x8180 | (isNone ? NAME_ERROR : 0), 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  const records = addresses.map((address) =>
    // The name of the question, its type and class, a minute, and four bytes.
    Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}
