import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FaultSpec, Phone } from '../../../../simulator/client.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import type { ConnectedSession, OutgoingContent } from '../../../../src/channels/channel.ts';
import { isAppError } from '../../../../src/lib/errors.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

let folder: TemporaryFolder;
let stage: PoolStage;
let shop: Phone;
let alice: Phone;
let accountId: AccountId;
let session: ConnectedSession;

beforeAll(async () => {
  folder = await openTemporaryFolder();
  stage = await PoolStage.open({
    timings: { callDeadlineMs: 1_500, outboxGraceMs: 1_400, heavyCallDeadlineMs: 2_500 },
  });
  shop = await stage.world.phone('shop');
  alice = await stage.world.phone('alice');
  accountId = await stage.link(shop);
  session = await stage.connected(accountId);
  await send('the first message');
});

afterEach(async () => {
  await stage.world.faults.clear();
  expect(stage.of(accountId).connections).toHaveLength(1);
});

afterAll(async () => {
  const missing = await stage.world.missingModules();
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
});

const set = (spec: FaultSpec) => stage.world.faults.set(spec);

async function send(text: string) {
  const prepared = await session.prepareSend(alice.jid);
  return { prepared, ...(await session.send(prepared, { kind: 'text', text }, {})) };
}

async function makeFile(name: string): Promise<OutgoingContent> {
  const path = join(folder.path, name);
  await writeFile(path, `%PDF-1.4 ${name}`);
  return { kind: 'media', path, mimeType: 'application/pdf', fileName: name, caption: null, as: 'document' };
}

async function receiveFile(name: string) {
  const { id } = await alice.sendMedia(shop, {
    kind: 'document',
    data: Buffer.from(`bytes of ${name}`),
    mimetype: 'application/octet-stream',
    filename: name,
  });
  const received = await stage.until(name, () =>
    stage.messages(accountId).find((each) => each.key.bareId === id),
  );
  return received.key;
}

it('carries a message under the id that was chosen for it, and finds it again (A22)', async () => {
  const { prepared, key } = await send('under its own name');
  expect(key.bareId).toBe(prepared.key.bareId);
  expect(await stage.world.message(prepared.key.bareId)).toMatchObject({ text: 'under its own name' });
  expect(await session.findMessage(prepared)).toMatchObject({ key: { bareId: key.bareId } });
});

it('counts a message once that is handed over twice (A22)', async () => {
  const prepared = await session.prepareSend(alice.jid);
  const content: OutgoingContent = { kind: 'text', text: 'twice' };
  await session.send(prepared, content, {});
  await session.send(prepared, content, {});
  await send('after twice');
  await stage.world.waitFor({ message: { text: 'after twice' } });
  const { messages } = await stage.world.truth();
  expect(messages.filter(({ text }) => text === 'twice')).toHaveLength(1);
});

it('gives a send up in time that the page never settles: its outcome is unknown (F35)', async () => {
  await set({ kind: 'send', mode: 'hang', count: 1 });
  await expect(send('hangs')).rejects.toMatchObject({ code: 'SEND_OUTCOME_UNKNOWN' });
  await send('after the hang');
});

it('says that a send was refused if the page throws (F35)', async () => {
  await set({ kind: 'send', mode: 'refuse', text: 'no way', count: 1 });
  await expect(send('refused')).rejects.toMatchObject({ code: 'SEND_REFUSED', message: 'no way' });
});

it('gives a question for a number up in time (A18)', async () => {
  await set({ kind: 'lookup', mode: 'hang', count: 1 });
  const bob = await stage.world.phone('bob');
  await expect(session.prepareSend(bob.jid)).rejects.toMatchObject({ code: 'SESSION_DEADLINE' });
  expect((await session.prepareSend(bob.jid)).chatId).toBe(bob.jid);
});

it('does not know numbers that are not on WhatsApp (F37)', async () => {
  await expect(session.prepareSend('49000000099@c.us')).rejects.toMatchObject({ code: 'NOT_ON_WHATSAPP' });
});

it('gives an upload up in time, and light calls do not wait for it (A18, F38)', async () => {
  await set({ kind: 'upload', mode: 'hang', count: 1 });
  const prepared = await session.prepareSend(alice.jid);
  const outcome = session.send(prepared, await makeFile('slow.pdf'), {}).catch((error: unknown) => error);
  await send('beside the upload');
  expect(await outcome).toMatchObject({ code: 'SEND_OUTCOME_UNKNOWN' });
  await session.send(await session.prepareSend(alice.jid), await makeFile('next.pdf'), {});
  await stage.world.waitFor({ message: { from: shop.name, type: 'document' } });
});

it('says that media is gone, comes later, or cannot be had now (A20, F38)', async () => {
  const key = await receiveFile('plan.bin');
  await set({ kind: 'download', mode: '404', count: 1 });
  expect(await session.downloadMedia(key)).toEqual({ status: 'gone' });
  await set({ kind: 'download', mode: '500', count: 1 });
  await expect(session.downloadMedia(key)).rejects.toMatchObject({ code: 'SESSION_FAULT' });
  await set({ kind: 'download', mode: 'hang', count: 1 });
  await expect(session.downloadMedia(key)).rejects.toMatchObject({ code: 'SESSION_DEADLINE' });
  await set({ kind: 'media-stage', mode: 'reuploading', count: 1 });
  const later = await receiveFile('later.bin');
  expect(await session.downloadMedia(later)).toEqual({ status: 'later' });
});

it('has media later that the page could not fetch, it knows not why (A20, F38)', async () => {
  const key = await receiveFile('after all.bin');
  await set({ kind: 'media-stage', mode: 'error', count: 1 });
  expect(await session.downloadMedia(key)).toEqual({ status: 'later' });
  const download = await session.downloadMedia(key);
  if (download.status !== 'bytes') throw new Error(`The media is ${download.status}.`);
  const pieces: Uint8Array[] = [];
  for await (const piece of download.bytes) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe('bytes of after all.bin');
});

it('reads what WhatsApp limits for the account (A25)', async () => {
  const readCapping = () => session.readCapping?.();
  const free = { status: 'NONE', cycleEndsAt: null, timelockedUntil: null };
  expect(await readCapping()).toEqual(free);
  const wanted = { timelock: { forMs: 600_000 }, capping: { total: 10, used: 10 } };
  const { timelock, capping } = await shop.limit(wanted);
  await expect.poll(readCapping).toEqual({
    status: 'CAPPED',
    cycleEndsAt: Math.floor((capping?.cycleEnd ?? 0) / 1_000) * 1_000,
    timelockedUntil: timelock?.endsAt,
  });
  await shop.limit({ timelock: null, capping: null });
  await expect.poll(readCapping).toEqual(free);
});

describe('over a line that drops', () => {
  /** Resolves with what is sent as soon as the page takes it again. */
  async function sendWhenUp(text: string): Promise<void> {
    for (;;) {
      try {
        await send(text);
        return;
      } catch (thrown) {
        if (!isAppError(thrown, 'SEND_WITHHELD')) throw thrown;
      }
    }
  }

  it('takes nothing while it is down (F1)', async () => {
    const prepared = await session.prepareSend(alice.jid);
    await shop.page({ do: 'drop', ms: 1_500 });
    await stage.reached(accountId, 'reconnecting', 'connection_lost');
    const text = 'not into the gap';
    await expect(session.send(prepared, { kind: 'text', text }, {})).rejects.toMatchObject({
      code: 'SEND_WITHHELD',
    });
    expect(await session.findMessage(prepared)).toBeUndefined();
    await stage.world.waitFor({ connected: 'shop' });
  });

  it('lets nothing overtake what it has still to send again (F1, F36)', async () => {
    await stage.world.settings({ resendMs: 1_000 });
    await shop.page({ do: 'freeze' });
    const names = ['first under the ice', 'second under the ice'];
    for (const name of names) expect((await send(name)).ack).toBe(0);
    await session.renewLine?.();
    await sendWhenUp('after the ice');
    await stage.world.waitFor({ message: { text: 'after the ice' } });
    const { messages } = await stage.world.truth();
    const texts = messages.map(({ text }) => text);
    expect(texts.filter((text) => text.endsWith('the ice'))).toEqual([...names, 'after the ice']);
    await stage.world.settings({ resendMs: 0 });
  });
});

it('stays connected over a line that carries nothing, and what was sent leaves when it is made anew (F36)', async () => {
  await shop.page({ do: 'freeze' });
  expect((await send('into the ice')).ack).toBe(0);
  const carol = await stage.world.phone('carol');
  await expect(session.prepareSend(carol.jid)).rejects.toMatchObject({ code: 'SESSION_DEADLINE' });
  await session.renewLine?.();
  await stage.world.waitFor({ message: { text: 'into the ice' } });
});
