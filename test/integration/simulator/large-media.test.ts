import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import wwebjs from 'whatsapp-web.js';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

const PIECE = 1024 * 1024;
/** More than what base64 over DevTools is made for. */
const PIECES = 80;

let simulator: Simulator;
let profile: Profile;
let driven: DrivenClient;
let shop: Phone;
let alice: Phone;

beforeAll(async () => {
  simulator = await startSimulator();
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
  alice = await simulator.world.phone('alice');
  driven = await new DrivenClient(simulator, profile).link(shop);
});

afterAll(async () => {
  await driven[Symbol.asyncDispose]();
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
});

/** A file of that many pieces, none like another, in the profile's folder. */
async function writeFile(name: string, pieces: number): Promise<{ path: string; sha256: string }> {
  const path = join(profile.path, name);
  const hash = createHash('sha256');
  const content = function* () {
    for (let n = 0; n < pieces; n += 1) {
      const piece = Buffer.alloc(PIECE, `${name} ${n} `);
      hash.update(piece);
      yield piece;
    }
  };
  await pipeline(Readable.from(content()), createWriteStream(path));
  return { path, sha256: hash.digest('base64') };
}

/** The most memory that the simulator ever had, in bytes. */
function peakOfSimulator(): number {
  const status = readFileSync(`/proc/${simulator.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

it('gives a page a document of 80 MB in pieces, byte for byte', async () => {
  const { path, sha256 } = await writeFile('received.bin', PIECES);
  const before = peakOfSimulator();
  const stream = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  const file = await simulator.world.upload(stream);
  expect(file).toMatchObject({ size: PIECES * PIECE, sha256 });
  await alice.sendMedia(shop, { file: file.path, mimetype: 'application/zip', filename: 'received.zip' });
  const [message] = await driven.events.when('message');
  const id = (message as wwebjs.Message).id._serialized;
  const hashed = await driven.evaluate(`(async () => {
    const msg = window.require('WAWebCollections').Msg.get('${id}');
    await msg.downloadMedia();
    const { downloadManager } = window.require('WAWebDownloadManager');
    const bytes = await downloadManager.downloadAndMaybeDecrypt({ directPath: msg.directPath });
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return [msg.mediaData.mediaStage, bytes.byteLength, btoa(String.fromCharCode(...digest))];
  })()`);
  expect(hashed).toEqual(['RESOLVED', PIECES * PIECE, sha256]);
  expect(peakOfSimulator() - before).toBeLessThan(PIECES * PIECE);
});

it('takes a document of 80 MB that the page reads from a file input', async () => {
  const { path, sha256 } = await writeFile('sent.bin', PIECES);
  await driven.evaluate(
    `document.body.append(Object.assign(document.createElement('input'), { type: 'file' }))`,
  );
  const input = await driven.client.pupPage?.$('input[type=file]');
  await (input as { uploadFile(...paths: string[]): Promise<void> } | null)?.uploadFile(path);
  await driven.evaluate(
    `window.WWebJS.mediaInfoToFile = () => document.querySelector('input[type=file]').files[0]`,
  );
  const before = peakOfSimulator();
  const media = new wwebjs.MessageMedia('application/zip', '', 'sent.zip');
  const options = { sendMediaAsDocument: true, sendSeen: false };
  const sent = await driven.client.sendMessage(alice.jid, media, options);
  await simulator.world.waitFor({ ack: 2, id: sent.id.id });
  expect(await simulator.world.message(sent.id.id)).toMatchObject({ type: 'document', mediaHash: sha256 });
  expect(peakOfSimulator() - before).toBeLessThan(PIECES * PIECE);
});
