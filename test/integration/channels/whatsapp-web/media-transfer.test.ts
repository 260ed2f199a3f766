import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../../../simulator/client.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import type { ConnectedSession, OutgoingMedia } from '../../../../src/channels/channel.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import { writeLargeFile } from '../../../support/large-file.ts';
import { measurePeakGrowth } from '../../../support/peak-memory.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

const MEBIBYTES = 48;

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
    expect(growth).toBeLessThan(size / 2);
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
