import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../../../simulator/client.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import type { ConnectedSession, OutgoingMedia } from '../../../../src/channels/channel.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import type { MessageKey } from '../../../../src/messages/whatsapp-key.ts';
import { writeLargeFile } from '../../../support/large-file.ts';
import { PIXEL } from '../../../support/media-files.ts';
import { measurePeakGrowth } from '../../../support/peak-memory.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

/** Near the most that is carried: what a run of this size leaves to the garbage collector is small beside it. */
const MEBIBYTES = 96;

let folder: TemporaryFolder;
let stage: PoolStage;
let shop: Phone;
let alice: Phone;
let accountId: AccountId;
let session: ConnectedSession;

beforeAll(async () => {
  folder = await openTemporaryFolder();
  const { heavyCallDeadlineMs } = DEFAULT_TIMINGS;
  stage = await PoolStage.open({ timings: { heavyCallDeadlineMs } });
  shop = await stage.world.phone('shop');
  alice = await stage.world.phone('alice');
  accountId = await stage.link(shop);
  session = await stage.connected(accountId);
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64');

const asDocument = (path: string, fileName: string): OutgoingMedia => ({
  kind: 'media',
  path,
  mimeType: 'application/zip',
  fileName,
  caption: null,
  as: 'document',
});

async function send(content: OutgoingMedia) {
  const prepared = await session.prepareSend(alice.jid);
  await session.send(prepared, content, {});
  await stage.world.waitFor({ message: { id: prepared.key.bareId } });
  return stage.world.message(prepared.key.bareId);
}

describe('media that is sent', () => {
  it('reaches WhatsApp byte for byte, and never lies in the memory of the daemon (A18)', async () => {
    const { path, size, hash } = await writeLargeFile(join(folder.path, 'large.zip'), MEBIBYTES);
    let sent: object | undefined;
    const growth = await measurePeakGrowth(async () => {
      sent = await send(asDocument(path, 'large.zip'));
    });
    expect(sent).toMatchObject({ type: 'document', mediaHash: hash.toString('base64') });
    expect(growth).toBeLessThan(size);
  });

  it('keeps apart what is sent at the same time', async () => {
    const names = ['one.txt', 'two.txt', 'three.txt'];
    const sent = await Promise.all(
      names.map(async (name) => {
        const path = join(folder.path, name);
        await writeFile(path, `bytes of ${name}`);
        return send(asDocument(path, name));
      }),
    );
    const hashes = names.map((name) => sha256(Buffer.from(`bytes of ${name}`)));
    expect(sent.map((message) => message?.mediaHash)).toEqual(hashes);
  });
});

it('refuses what the browser cannot read: nothing left (F35)', async () => {
  const missing = asDocument(join(folder.path, 'missing.txt'), 'missing.txt');
  await expect(send(missing)).rejects.toMatchObject({
    code: 'SEND_REFUSED',
    message: expect.stringContaining('The browser cannot read the file'),
  });
});

describe('a sticker', () => {
  it.each(['image/png', 'image/jpeg'])('is made of what is %s', async (mimeType) => {
    const path = join(folder.path, 'pixel');
    await writeFile(path, PIXEL);
    const sent = await send({ ...asDocument(path, 'pixel'), mimeType, as: 'sticker' });
    expect(sent).toMatchObject({ type: 'sticker', mediaHash: expect.any(String) });
    expect(sent.mediaHash).not.toBe(sha256(PIXEL));
  });

  it('is refused of what is no picture', async () => {
    const path = join(folder.path, 'broken.png');
    await writeFile(path, 'no picture');
    const broken = { ...asDocument(path, 'broken.png'), mimeType: 'image/png', as: 'sticker' } as const;
    await expect(send(broken)).rejects.toMatchObject({ code: 'SEND_REFUSED' });
  });

  it('is left as it is if it is one already', async () => {
    const path = join(folder.path, 'sticker.webp');
    await writeFile(path, 'RIFF of a sticker');
    const sent = await send({ ...asDocument(path, 'sticker.webp'), mimeType: 'image/webp', as: 'sticker' });
    expect(sent).toMatchObject({ type: 'sticker', mediaHash: sha256(Buffer.from('RIFF of a sticker')) });
  });
});

describe('media that is received', () => {
  async function receive(file: string, filename: string): Promise<MessageKey> {
    const { id } = await alice.sendMedia(shop, { file, mimetype: 'application/zip', filename });
    const arrived = () => stage.messages(accountId).find(({ key }) => key.bareId === id);
    return (await stage.until(filename, arrived)).key;
  }

  async function open(key: MessageKey): Promise<AsyncIterable<Uint8Array>> {
    const download = await session.downloadMedia(key);
    if (download.status !== 'bytes') throw new Error(`The media is ${download.status}.`);
    return download.bytes;
  }

  async function receiveLarge(name: string, mebibytes: number) {
    const { path, size, hash } = await writeLargeFile(join(folder.path, name), mebibytes);
    const stream = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
    const { path: file } = await stage.world.upload(stream);
    return { key: await receive(file, name), size, hash: hash.toString('base64') };
  }

  it('comes byte for byte, and never lies whole in the memory of the daemon (A18)', async () => {
    const { key, size, hash } = await receiveLarge('received.zip', MEBIBYTES);
    const received = createHash('sha256');
    let largest = 0;
    const growth = await measurePeakGrowth(async () => {
      for await (const piece of await open(key)) {
        received.update(piece);
        largest = Math.max(largest, piece.byteLength);
      }
    });
    expect(received.digest('base64')).toBe(hash);
    expect(largest).toBeLessThanOrEqual(size / MEBIBYTES);
    expect(growth).toBeLessThan(size);
  });

  it('lets other calls through between its pieces, and need not be read to its end', async () => {
    const { key } = await receiveLarge('stopped.zip', 5);
    for await (const _ of await open(key)) {
      const path = join(folder.path, 'beside.txt');
      await writeFile(path, 'beside the pieces');
      expect(await send(asDocument(path, 'beside.txt'))).toMatchObject({ type: 'document' });
      break;
    }
    const { key: next, hash } = await receiveLarge('next.zip', 5);
    const received = createHash('sha256');
    for await (const piece of await open(next)) received.update(piece);
    expect(received.digest('base64')).toBe(hash);
  });

  it('breaks off with a fault where the page is gone in the middle', async () => {
    const { key } = await receiveLarge('cut.zip', 5);
    const pieces = (await open(key))[Symbol.asyncIterator]();
    await pieces.next();
    const connection = stage.of(accountId).connections.at(-1);
    const ended = once(connection?.signal ?? new AbortController().signal, 'abort');
    await shop.page({ do: 'reload' });
    await ended;
    await expect(pieces.next()).rejects.toMatchObject({ code: 'SESSION_FAULT' });
  });
});
