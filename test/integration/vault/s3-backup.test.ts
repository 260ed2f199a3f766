import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { makeS3Backup } from '../../../src/vault/s3-backup.ts';
import type { S3Limits } from '../../../src/vault/s3-client.ts';
import type { SnapshotFile } from '../../../src/vault/snapshot-backup.ts';
import { writeLargeFile } from '../../support/large-file.ts';
import { measurePeakGrowth } from '../../support/peak-memory.ts';
import { openS3Server, type S3ServerOptions } from '../../support/s3-server.ts';

/** Three tries without a pause; a storage that says nothing is given up almost at once. */
const IMPATIENT: S3Limits = { stallMs: 300, pausesMs: [0, 0] };
const PATIENT: S3Limits = { ...IMPATIENT, stallMs: 30_000 };

const unavailable = { kind: 'status', status: 503, code: 'SlowDown' } as const;
const cut = { kind: 'cut', afterBytes: 0 } as const;
const silence = { kind: 'silence' } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-backup-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function makeFile(bytes = randomBytes(100_000)): Promise<SnapshotFile & { readonly data: Buffer }> {
  const name = { accountId: makeAccountId(), generation: 3 };
  const path = join(folder, `${name.accountId}.vault`);
  await writeFile(path, bytes);
  return { ...name, path, bytes: bytes.length, data: bytes };
}

/** A storage that forgets at once what it takes. */
async function openSink() {
  const sink = { taken: 0 };
  const server = createHttpServer(async (request, response) => {
    for await (const piece of request as AsyncIterable<Buffer>) sink.taken += piece.length;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const keys = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };
  const place = {
    bucket: 'sealed',
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-test-1',
    prefix: 'of/tests',
  };
  return Object.assign(sink, {
    config: { ...place, ...keys },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

async function openStorage(options: S3ServerOptions = {}, limits = PATIENT) {
  const server = await openS3Server(options);
  const backup = makeS3Backup(server.config, { limits });
  const read = ({ accountId, generation }: SnapshotFile) => buffer(backup.read(accountId, generation));
  return { server, backup, read, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('a copy in S3', () => {
  it('comes back as it was saved, under the name of its account and generation', async () => {
    await using s3 = await openStorage();
    const file = await makeFile(randomBytes(5 * 1024 ** 2 + 17));
    await s3.backup.save(file);
    expect(s3.server.keys).toEqual([`of/tests/${file.accountId}/3.vault`]);
    expect((await s3.read(file)).equals(file.data)).toBe(true);
  });

  it('never lies whole in memory while it is written', async () => {
    await using server = await openSink();
    const backup = makeS3Backup(server.config, { limits: PATIENT });
    const name = { accountId: makeAccountId(), generation: 3 };
    const { path, size } = await writeLargeFile(join(folder, 'large.vault'), 160);
    const growth = await measurePeakGrowth(() => backup.save({ ...name, path, bytes: size }));
    expect(server.taken).toBe(size);
    expect(growth).toBeLessThan(size / 2);
  });

  it('is replaced by a later one of the same generation, and removed once or twice', async () => {
    await using s3 = await openStorage();
    const file = await makeFile();
    await s3.backup.save(file);
    await writeFile(file.path, 'rotated');
    await s3.backup.save({ ...file, bytes: 7 });
    expect((await s3.read(file)).toString()).toBe('rotated');
    await s3.backup.remove(file.accountId, [3, 4]);
    await s3.backup.remove(file.accountId, [3]);
    expect(s3.server.keys).toEqual([]);
    await expect(s3.read(file)).rejects.toMatchObject({ code: 'VAULT_DAMAGED' });
  });

  it('is removed with all its versions where the bucket keeps them', async () => {
    await using s3 = await openStorage({ versioned: true });
    const file = await makeFile();
    const neighbour = { ...file, generation: 31 };
    for (const each of [file, file, neighbour]) await s3.backup.save(each);
    await s3.backup.remove(file.accountId, [3]);
    expect(s3.server.keys).toEqual([`of/tests/${file.accountId}/31.vault`]);
  });
});

describe('a storage that is in trouble', () => {
  it.each([
    ['busy', unavailable],
    ['cutting connections', cut],
  ])('is asked again while it is %s', async (_title, fault) => {
    await using s3 = await openStorage();
    const file = await makeFile();
    s3.server.faults.push(fault, fault);
    await s3.backup.save(file);
    expect(s3.server.findObject(`of/tests/${file.accountId}/3.vault`)).toEqual(file.data);
    s3.server.faults.push(fault, fault);
    expect((await s3.read(file)).equals(file.data)).toBe(true);
    s3.server.faults.push(fault, fault);
    await s3.backup.remove(file.accountId, [3]);
    expect(s3.server.keys).toEqual([]);
  });

  it('is read on from where its connection broke', async () => {
    await using s3 = await openStorage();
    const file = await makeFile(randomBytes(3 * 1024 ** 2));
    await s3.backup.save(file);
    for (const afterBytes of [1_000_000, 700_000]) s3.server.faults.push({ kind: 'cut', afterBytes });
    expect((await s3.read(file)).equals(file.data)).toBe(true);
    expect(s3.server.requests.filter((line) => line.startsWith('GET'))).toHaveLength(3);
  });

  it('is not read on once the object is another one', async () => {
    await using s3 = await openStorage();
    const file = await makeFile(randomBytes(3 * 1024 ** 2));
    await s3.backup.save(file);
    s3.server.faults.push({ kind: 'cut', afterBytes: 1_000_000 });
    const pieces = s3.backup.read(file.accountId, 3)[Symbol.asyncIterator]();
    await pieces.next();
    await writeFile(file.path, randomBytes(3 * 1024 ** 2));
    await s3.backup.save(file);
    const rest = { [Symbol.asyncIterator]: () => pieces };
    await expect(buffer(rest)).rejects.toMatchObject({ code: 'VAULT_DAMAGED' });
  });

  it('is given up in the end, with its own words and without a secret', async () => {
    await using s3 = await openStorage();
    const file = await makeFile();
    s3.server.faults.push(unavailable, unavailable, unavailable);
    const failure = await s3.backup.save(file).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: 'The copy could not be written to S3 (it answered 503 SlowDown).',
    });
    expect(s3.server.requests).toHaveLength(3);
  });

  it('is given up when it says nothing', async () => {
    await using s3 = await openStorage({}, IMPATIENT);
    const file = await makeFile();
    for (const call of [
      () => s3.backup.save(file),
      () => s3.read(file),
      () => s3.backup.remove(file.accountId, [3]),
    ]) {
      s3.server.faults.push(silence, silence, silence);
      await expect(call()).rejects.toMatchObject({
        code: 'VAULT_STORAGE_FAILED',
        message: expect.stringContaining('nothing came for 300 ms'),
      });
    }
  });

  it('is given up at once when the daemon stops', async () => {
    await using server = await openS3Server();
    const stop = new AbortController();
    const backup = makeS3Backup(server.config, { limits: PATIENT, signal: stop.signal });
    server.faults.push(silence);
    const saved = backup.save(await makeFile());
    const refused = expect(saved).rejects.toThrow('stopping');
    stop.abort(new Error('stopping'));
    await refused;
  });

  it.each([
    [{ secretAccessKey: 'wrong' }, '403 SignatureDoesNotMatch'],
    [{ accessKeyId: 'wrong' }, '403 InvalidAccessKeyId'],
    [{ bucket: 'other' }, '404 NoSuchBucket'],
  ])('is not asked again when it refuses: %o', async (change, text) => {
    await using server = await openS3Server();
    const backup = makeS3Backup({ ...server.config, ...change }, { limits: PATIENT });
    const file = await makeFile();
    for (const call of [
      () => backup.save(file),
      () => buffer(backup.read(file.accountId, 3)),
      () => backup.remove(file.accountId, [3]),
    ]) {
      const failure = await call().catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
      expect(String(failure)).toContain(text);
      expect(JSON.stringify([failure, String(failure)])).not.toContain(server.config.secretAccessKey);
    }
    expect(server.requests).toHaveLength(3);
  });

  it('is named as unreachable where nobody listens', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    closed.close();
    await once(closed, 'close');
    await using server = await openS3Server();
    const backup = makeS3Backup(
      { ...server.config, endpoint: `http://127.0.0.1:${port}` },
      { limits: PATIENT },
    );
    const file = await makeFile();
    await expect(backup.save(file)).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
