import { createHash } from 'node:crypto';
import { createReadStream, globSync, openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiMessage } from '../../scripts/daemon-api.ts';
import type { FaultSpec, Phone } from '../../simulator/client.ts';
import { type LargeFile, writeLargeFile } from '../support/large-file.ts';
import { measurePeakGrowth } from '../support/peak-memory.ts';
import { openS3Server, type S3Server } from '../support/s3-server.ts';
import { openStage, type Stage } from '../support/stage.ts';

/** Near the most that is carried: what the daemon's other work takes meanwhile is small beside it. */
const MEBIBYTES = 96;
const FEW_MEBIBYTES = 16;

/** Downloads that do not succeed at once, by the name of the file. */
const TROUBLES: Readonly<Record<string, FaultSpec>> = {
  'refused.pdf': { kind: 'download', mode: '500' },
  'on-its-way-again.pdf': { kind: 'media-stage', mode: 'reuploading' },
  'unknown-error.pdf': { kind: 'media-stage', mode: 'error' },
  'gone.pdf': { kind: 'download', mode: '404' },
};

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.each(['on the disk', 'in S3'])('media that is kept %s', (place) => {
  const stack = new AsyncDisposableStack();
  const isInS3 = place === 'in S3';
  let server: S3Server;
  let stage: Stage;
  let shop: Phone;
  let alice: Phone;
  let accountId: string;

  beforeAll(async () => {
    server = stack.use(await openS3Server());
    const { bucket, endpoint, region, accessKeyId, secretAccessKey, prefix } = server.config;
    const s3 = {
      S3_BUCKET: bucket,
      S3_ENDPOINT: String(endpoint),
      S3_REGION: region,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
      S3_PREFIX: prefix,
    };
    stage = stack.use(await openStage({ env: isInS3 ? s3 : {} }));
    shop = await stage.world.phone('shop');
    alice = await stage.world.phone('alice');
    accountId = await stage.link(shop);
  });

  afterAll(() => stack.disposeAsync());

  /** Hashes of the files that are kept where they should be, and of those that lie on the disk. */
  function kept() {
    const inS3 = server.keys.flatMap((key) => /\/media\/..\/([0-9a-f]{64})$/.exec(key)?.[1] ?? []);
    const onDisk = globSync('data/media/??/*', { cwd: stage.folder }).map((path) => path.slice(-64));
    return {
      here: isInS3 ? inS3 : onDisk,
      onDisk,
      onTheirWay: globSync('data/media/.incoming/*', { cwd: stage.folder }),
    };
  }

  async function upload({ path }: LargeFile): Promise<string> {
    const form = new FormData();
    form.append('file', await openAsBlob(path, { type: 'application/zip' }), 'sent.zip');
    const { url, ownerKey } = stage.daemon();
    const response = await fetch(`${url}/api/v1/whatsapp/accounts/${accountId}/media`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ownerKey}` },
      body: form,
    });
    return ((await response.json()) as { data: { mediaId: string } }).data.mediaId;
  }

  const statuses = async () =>
    Object.fromEntries(
      (await stage.api.messages(accountId)).map(({ fileName, mediaStatus }) => [fileName, mediaStatus]),
    );

  it('waits while it cannot be had, and does not where it is gone (A20, F38)', async () => {
    for (const [filename, trouble] of Object.entries(TROUBLES)) {
      const { id: fault } = await stage.world.faults.set({ ...trouble, phone: shop.name, count: 1 });
      const data = Buffer.from(`%PDF-1.4 of ${filename}`);
      await alice.sendMedia(shop, { kind: 'document', data, mimetype: 'application/pdf', filename });
      await stage.world.waitFor({ fault, struck: 1 });
    }
    const gone = ({ fileName, mediaStatus }: ApiMessage) => fileName === 'gone.pdf' && mediaStatus === 'gone';
    await stage.api.message(accountId, 'the verdict on what is gone', gone);
    expect(await statuses()).toEqual({
      'refused.pdf': 'pending',
      'on-its-way-again.pdf': 'pending',
      'unknown-error.pdf': 'pending',
      'gone.pdf': 'gone',
    });
  });

  it('leaves byte for byte, and never lies whole in the memory of the daemon (A18)', async () => {
    const file = await writeLargeFile(join(stage.folder, 'sent.zip'), MEBIBYTES);
    // What the first file of all costs, whatever its size, is no part of the measurement.
    await upload(await writeLargeFile(join(stage.folder, 'first.zip'), FEW_MEBIBYTES));
    let carried: object | undefined;
    const growth = await measurePeakGrowth(async () => {
      const mediaId = await upload(file);
      const messageId = await stage.api.send(accountId, { to: `+${alice.number}`, media: { mediaId } });
      const message = await stage.api.message(
        accountId,
        'the document, delivered',
        (each) => each.messageId === messageId && each.status === 'delivered',
      );
      carried = await stage.world.message(String(message.whatsappMessageId).split('_')[2] ?? '');
    }, stage.daemon().pid);
    expect(carried).toMatchObject({ type: 'document', mediaHash: file.hash.toString('base64') });
    expect(growth).toBeLessThan(file.size);
    expect(kept().here).toContain(file.hash.toString('hex'));
  });

  it('comes byte for byte, and never lies whole in the memory of the daemon (A18)', async () => {
    const { path, hash, size } = await writeLargeFile(join(stage.folder, 'received.zip'), MEBIBYTES);
    const stream = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
    const { path: file } = await stage.world.upload(stream);
    let received: Buffer | undefined;
    const growth = await measurePeakGrowth(async () => {
      await alice.sendMedia(shop, { file, mimetype: 'application/zip', filename: 'received.zip' });
      const message = await stage.api.message(
        accountId,
        'the document, stored',
        (each) => each.fileName === 'received.zip' && each.mediaUrl !== null,
      );
      received = await stage.api.bytes(String(message.mediaUrl).replace('/api/v1/whatsapp', ''));
    }, stage.daemon().pid);
    expect(sha256(received ?? Buffer.alloc(0))).toBe(hash.toString('hex'));
    expect(growth).toBeLessThan(size);
    expect(kept().here).toContain(hash.toString('hex'));
  });

  it('comes by itself with a later try where it could not be had (A20, F38)', async () => {
    for (const filename of Object.keys(TROUBLES).filter((name) => name !== 'gone.pdf')) {
      const { mediaUrl } = await stage.api.message(
        accountId,
        `${filename}, stored`,
        (each) => each.fileName === filename && each.mediaStatus === 'stored',
      );
      const bytes = await stage.api.bytes(String(mediaUrl).replace('/api/v1/whatsapp', ''));
      expect(bytes.toString()).toBe(`%PDF-1.4 of ${filename}`);
    }
    expect(await statuses()).toMatchObject({ 'gone.pdf': 'gone' });
  });

  it('lies nowhere else', () => {
    const { onDisk, onTheirWay } = kept();
    expect(onDisk).toHaveLength(isInS3 ? 0 : 6);
    expect(onTheirWay).toEqual([]);
  });
});
