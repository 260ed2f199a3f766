import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { makeDatabaseBackup } from '../../../src/db/snapshot-chunk-store.ts';
import type { SnapshotBackup, SnapshotFile } from '../../../src/vault/snapshot-backup.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const MIB = 1024 ** 2;

const stack = new AsyncDisposableStack();
let db: Executor;
let backup: SnapshotBackup;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snapshot-chunk-test-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log, poolSize: 4 })).db;
  backup = makeDatabaseBackup(db);
});
afterAll(() => stack.disposeAsync());

async function makeFile(bytes: Buffer): Promise<SnapshotFile> {
  const name = { accountId: makeAccountId(), generation: 1 };
  const path = join(folder, `${name.accountId}.vault`);
  await writeFile(path, bytes);
  return { ...name, path, bytes: bytes.length };
}

const read = ({ accountId, generation }: SnapshotFile) => buffer(backup.read(accountId, generation));

async function countChunks({ accountId }: SnapshotFile): Promise<number> {
  const rows = await db
    .selectFrom('vault_chunks')
    .select('number')
    .where('account_id', '=', accountId)
    .execute();
  return rows.length;
}

describe('a copy in the database', () => {
  it.each([
    ['a few bytes', 10, 1],
    ['exactly one row', MIB, 1],
    ['a row and a byte', MIB + 1, 2],
    ['several rows', 3 * MIB + 77, 4],
  ])('comes back as it was saved: %s', async (_title, bytes, rows) => {
    const data = randomBytes(bytes);
    const file = await makeFile(data);
    await backup.save(file);
    expect((await read(file)).equals(data)).toBe(true);
    expect(await countChunks(file)).toBe(rows);
  });

  it('is replaced as a whole by a later one of the same generation', async () => {
    const file = await makeFile(randomBytes(3 * MIB));
    await backup.save(file);
    await writeFile(file.path, 'rotated');
    await backup.save(file);
    expect((await read(file)).toString()).toBe('rotated');
    expect(await countChunks(file)).toBe(1);
  });

  it('is removed once or twice, and others are not', async () => {
    const file = await makeFile(Buffer.from('one'));
    await backup.save(file);
    await backup.save({ ...file, generation: 2 });
    for (let repeat = 0; repeat < 2; repeat += 1) await backup.remove(file.accountId, [1, 7]);
    await expect(read(file)).rejects.toMatchObject({ code: 'VAULT_DAMAGED' });
    expect((await read({ ...file, generation: 2 })).toString()).toBe('one');
  });
});

describe('a large copy', () => {
  const SIZE = 64 * MIB;

  /** Bytes of memory that buffers and objects take after everything that can go has gone. */
  function settledMemory(): number {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }

  it('is saved and read a piece at a time', async () => {
    const file = await makeFile(Buffer.alloc(0));
    const before = createHash('sha256');
    await using handle = await open(file.path, 'w');
    for (let written = 0; written < SIZE; written += MIB) {
      const piece = randomBytes(MIB);
      before.update(piece);
      await handle.write(piece);
    }
    await backup.save(file);
    const start = settledMemory();
    const after = createHash('sha256');
    let most = 0;
    for await (const piece of backup.read(file.accountId, 1)) {
      after.update(piece);
      most = Math.max(most, settledMemory() - start);
    }
    expect(after.digest('hex')).toBe(before.digest('hex'));
    // A row is 1 MiB, and comes over the wire as twice as many characters; some rows come at once.
    expect(most).toBeLessThan(SIZE / 4);
  });
});

describe('a save', () => {
  it('that is under way shows the copy before it, and then its own', async () => {
    const file = await makeFile(randomBytes(2 * MIB));
    await backup.save(file);
    const former = await read(file);
    const later = randomBytes(5 * MIB);
    await writeFile(file.path, later);
    const saved = backup.save(file);
    const during = await read(file);
    await saved;
    expect([former.length, later.length]).toContain(during.length);
    expect((await read(file)).equals(later)).toBe(true);
  });

  it('waits for another one of the same account: the last is there as a whole', async () => {
    const contents = [randomBytes(4 * MIB), randomBytes(3 * MIB), randomBytes(2 * MIB)];
    const files = await Promise.all(contents.map(makeFile));
    const [first] = files as [SnapshotFile];
    await Promise.all(files.map(({ path }) => backup.save({ ...first, path })));
    const result = await read(first);
    expect(contents.some((content) => content.equals(result))).toBe(true);
  });

  it('is not outlived by its copy when it is removed meanwhile', async () => {
    const file = await makeFile(randomBytes(4 * MIB));
    let over: Promise<unknown> | undefined;
    await holdUp(file, async () => {
      const saved = backup.save(file);
      await untilHeldUp();
      over = Promise.all([saved, backup.remove(file.accountId, [1])]);
    });
    await over;
    expect(await countChunks(file)).toBe(0);
  });

  it('that is cut off in the middle leaves the former copy as it was', async () => {
    const former = randomBytes(2 * MIB);
    const file = await makeFile(former);
    await backup.save(file);
    await writeFile(file.path, randomBytes(6 * MIB));
    await holdUp(file, async () => {
      const refused = expect(backup.save(file)).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
      await untilHeldUp();
      await sql`select pg_terminate_backend(pid) ${heldUp}`.execute(db);
      await refused;
    });
    expect((await read(file)).equals(former)).toBe(true);
    expect(await countChunks(file)).toBe(2);
  });

  it('of a file that is not there fails, and leaves nothing', async () => {
    const file = { ...(await makeFile(Buffer.alloc(0))), path: join(folder, 'none') };
    await expect(backup.save(file)).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: expect.stringContaining('ENOENT'),
    });
    expect(await countChunks(file)).toBe(0);
  });
});

/** While `work` runs, a save of this file gets as far as its fourth row and no further. */
async function holdUp({ accountId, generation }: SnapshotFile, work: () => Promise<void>): Promise<void> {
  const holder = await db.startTransaction().execute();
  await holder
    .insertInto('vault_chunks')
    .values({ account_id: accountId, generation, number: 3, data: Buffer.alloc(0) })
    .execute();
  await work();
  await holder.rollback().execute();
}

const heldUp = sql`from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
  and query like 'insert into "vault_chunks"%'`;

/** Resolves once a save waits in the middle of its transaction. */
async function untilHeldUp(): Promise<void> {
  while ((await sql`select ${heldUp}`.execute(db)).rows.length === 0);
}
