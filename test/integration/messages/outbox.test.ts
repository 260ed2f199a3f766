import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { type AccountId, type MessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { learnAddress } from '../../../src/db/address-store.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { deleteOldIdempotencyKeys } from '../../../src/db/idempotency-store.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { TakeMedia } from '../../../src/messages/acceptance.ts';
import { ACCEPTANCE_TERMS } from '../../../src/messages/acceptance-terms.ts';
import { makeOutbox, type Outbox, type OutboxDeps } from '../../../src/messages/outbox.ts';
import type { SendRequest } from '../../../src/messages/send-request.ts';
import type { OutboundJob } from '../../../src/queue/table.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { claimIdempotencyKey } from '../../support/single-messages.ts';

const INSTANCE = parseInstanceId('one');
/** The age of a claim that counts as abandoned, in seconds. */
const ABANDONED_S = ACCEPTANCE_TERMS.claimMs / 1_000 + 1;
const PNG = { sha256: 'ab'.repeat(32), mimeType: 'image/png', fileName: 'a.png', fileSize: 7 };

let database: TestDatabase;
let opened: OpenDatabase;
let account: Account;
let jobs: OutboundJob[];
let isConnectedHere: boolean;
let woken: AccountId[];
let log: RecordingLogger;
const clock = new ManualClock();

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: new RecordingLogger() });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  account = { id: await insertTestAccount(opened.db) } as Account;
  jobs = [];
  isConnectedHere = false;
  woken = [];
  log = new RecordingLogger();
});

function outbox(given: Partial<OutboxDeps> = {}): Outbox {
  return makeOutbox({
    db: opened.db,
    instanceId: INSTANCE,
    takeMedia: async (_account, _source, { as, fileName }) => ({
      ...PNG,
      as: as ?? 'image',
      fileName: fileName ?? PNG.fileName,
    }),
    wake: (accountId) => {
      woken.push(accountId);
      return isConnectedHere;
    },
    enqueue: async (job) => void jobs.push(job),
    clock,
    log,
    ...given,
  });
}

function text(body: string, given: Partial<SendRequest> = {}): SendRequest {
  return {
    to: '491700000001@c.us',
    content: { kind: 'text', text: body },
    replyTo: null,
    onLimit: 'reject',
    ...given,
  };
}

const picture = text('', {
  content: {
    kind: 'media',
    source: { from: 'url', url: 'https://a/b' },
    caption: 'c',
    fileName: null,
    as: null,
  },
});
const unkeyed = { idempotencyKey: null, requestHash: 'h' };
const keyed = (key: string, requestHash = 'h') => ({ idempotencyKey: key, requestHash });

function rows() {
  return opened.db
    .selectFrom('messages')
    .selectAll()
    .where('account_id', '=', account.id)
    .orderBy('seq')
    .execute();
}

/** Makes a key as old as if it had been claimed so many seconds ago. */
async function ageKey(key: string, seconds: number): Promise<void> {
  await sql`
    update idempotency_keys set created_at = now() - make_interval(secs => ${seconds})
    where account_id = ${account.id} and key = ${key}`.execute(opened.db);
}

/** Transactions of this database that wait for a lock which another one holds. */
async function countWaitingLocks(): Promise<number> {
  const { rows: waiting } = await sql`
    select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())
  `.execute(opened.db);
  return waiting.length;
}

describe('accepting a message', () => {
  it('files one to a LID whose number is known in the chat of the number (A16)', async () => {
    const pair = { lid: '9900011@lid', phone: '491700000001@c.us' };
    await ingestAddresses(opened.db, account.id, [pair], new Date());
    await outbox().accept(account, text('hi', { to: pair.lid }), unkeyed);
    expect(await rows()).toMatchObject([{ chat_id: pair.phone, phone_number: '+491700000001' }]);
  });

  it('files one to a LID whose number is being learnt in the chat of the number (A16)', async () => {
    const pair = { lid: '9900011@lid', phone: '491700000001@c.us' };
    const learnt = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const learning = opened.db.transaction().execute(async (trx) => {
      await learnAddress(trx, account.id, pair, new Date());
      learnt.resolve();
      await open.promise;
    });
    await learnt.promise;
    const accepted = outbox().accept(account, text('hi', { to: pair.lid }), unkeyed);
    await Promise.race([accepted, expect.poll(countWaitingLocks).toBe(1)]);
    open.resolve();
    await Promise.all([learning, accepted]);
    expect(await rows()).toMatchObject([{ chat_id: pair.phone, phone_number: '+491700000001' }]);
  });

  it('writes a pending row, then wakes the sender here and by a job', async () => {
    const accepted = await outbox().accept(account, text('hi'), unkeyed);
    expect(accepted).toEqual({ messageId: expect.any(String), status: 'pending', replayed: false });
    const [row] = await rows();
    expect(row).toMatchObject({
      id: accepted.messageId,
      direction: 'outgoing',
      status: 'pending',
      chat_id: '491700000001@c.us',
      phone_number: '+491700000001',
      type: 'text',
      text: 'hi',
      handed_at: null,
      bare_id: null,
      timestamp: new Date(clock.now()),
    });
    expect(woken).toEqual([account.id]);
    expect(jobs).toEqual([{ accountId: account.id, messageId: accepted.messageId }]);
  });

  it('queues no wake-up for an account that is connected here', async () => {
    isConnectedHere = true;
    await outbox().accept(account, text('hi'), unkeyed);
    expect(woken).toEqual([account.id]);
    expect(jobs).toEqual([]);
  });

  it('keeps the media that was taken in', async () => {
    await outbox().accept(account, picture, unkeyed);
    expect(await rows()).toMatchObject([
      {
        type: 'image',
        caption: 'c',
        text: null,
        media_status: 'stored',
        media_sha256: PNG.sha256,
        mime_type: 'image/png',
        file_name: 'a.png',
        file_size: 7,
      },
    ]);
  });

  it('writes nothing if the media is refused', async () => {
    const takeMedia: TakeMedia = async () => {
      throw new AppError('UNSUPPORTED_MEDIA');
    };
    await expect(outbox({ takeMedia }).accept(account, picture, unkeyed)).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA',
    });
    expect(await rows()).toEqual([]);
    expect(woken).toEqual([]);
  });

  it('succeeds while Redis is away, whether the queue fails or hangs', async () => {
    const warned = log.next('The wake-up of the instance that holds an account could not be queued');
    const failing = outbox({ enqueue: async () => Promise.reject(new Error('away')) });
    await failing.accept(account, text('one'), unkeyed);
    await warned;
    const hanging = outbox({ enqueue: () => new Promise(() => undefined) });
    await hanging.accept(account, text('two'), unkeyed);
    expect(await rows()).toHaveLength(2);
    expect(woken).toHaveLength(2);
  });

  it('accepts text that cannot be carried, and lets it fail with the reason', async () => {
    const { status } = await outbox().accept(account, text('a\0b\uD800'), unkeyed);
    expect(status).toBe('pending');
    expect(await rows()).toMatchObject([
      {
        status: 'failed',
        failed_code: 'SEND_REFUSED',
        failed_reason: expect.stringContaining('NUL'),
        text: 'a\uFFFDb\uFFFD',
      },
    ]);
  });
});

describe('replyTo', () => {
  const key = { fromMe: false, chatId: '491700000002@c.us', bareId: 'ABC', participant: null };
  let known: MessageId;

  beforeEach(async () => {
    const event = messageEvent('ABC', { key, chatId: key.chatId });
    const { added } = await ingestEvents(opened.db, account.id, [event], new Date());
    [known] = added as [MessageId];
  });

  it.each([
    { title: 'our id', of: (id: MessageId) => id as string },
    { title: "WhatsApp's serialised key", of: () => 'false_491700000002@c.us_ABC' },
    { title: 'the key in the other address dialect', of: () => 'false_777@lid_ABC' },
    { title: 'the bare id', of: () => 'ABC' },
  ])('finds a message by $title', async ({ of }) => {
    await outbox().accept(account, text('re', { replyTo: of(known) }), unkeyed);
    expect((await rows()).at(-1)).toMatchObject({ text: 're', reply_to: known });
  });

  it.each(['XYZ', 'false_491700000002@c.us_XYZ', '00000000-0000-4000-8000-000000000000', '\0', ''])(
    'names the field if there is no such message: %j',
    async (replyTo) => {
      await expect(outbox().accept(account, text('re', { replyTo }), unkeyed)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        details: [{ field: 'replyTo' }],
      });
    },
  );

  describe('to a message that has not been sent', () => {
    const ALICE = '491700000001@c.us';
    const pair = { lid: '9900011@lid', phone: ALICE };
    let waiting: MessageId;

    beforeEach(async () => {
      waiting = (await outbox().accept(account, text('waits'), unkeyed)).messageId;
    });

    const answer = (to: string) => outbox().accept(account, text('re', { to, replyTo: waiting }), unkeyed);
    const end = (status: string) =>
      opened.db.updateTable('messages').set({ status }).where('id', '=', waiting).execute();
    const refusal = {
      code: 'VALIDATION_FAILED',
      details: [{ field: 'replyTo', message: expect.stringContaining('has not been sent') }],
    };

    it.each(['pending', 'deferred'])('is accepted in its chat, by either name: %s', async (status) => {
      await end(status);
      await ingestAddresses(opened.db, account.id, [pair], new Date());
      for (const to of [ALICE, pair.lid]) await answer(to);
      expect((await rows()).slice(2)).toMatchObject([{ reply_to: waiting }, { reply_to: waiting }]);
    });

    it.each(['pending', 'deferred'])(
      'names the field in another chat, before which it may leave: %s',
      async (status) => {
        await end(status);
        await expect(answer('491700000002@c.us')).rejects.toMatchObject(refusal);
        expect(await rows()).toHaveLength(2);
      },
    );

    it.each(['cancelled', 'failed'])('names the field if it never will be: %s', async (status) => {
      await end(status);
      await expect(answer(ALICE)).rejects.toMatchObject(refusal);
    });

    it('is accepted anywhere once it was handed over', async () => {
      await opened.db
        .updateTable('messages')
        .set({
          bare_id: 'W',
          whatsapp_message_id: `true_${ALICE}_W`,
          handed_at: new Date(),
          status: 'unknown',
        })
        .where('id', '=', waiting)
        .execute();
      await answer('491700000002@c.us');
    });
  });

  it("does not find another account's message", async () => {
    const other = { id: await insertTestAccount(opened.db) } as Account;
    for (const replyTo of [known, 'ABC']) {
      await expect(outbox().accept(other, text('re', { replyTo }), unkeyed)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      });
    }
  });
});

describe('Idempotency-Key', () => {
  it('answers the stored result to the same request', async () => {
    const first = await outbox().accept(account, text('hi'), keyed('k'));
    const second = await outbox().accept(account, text('hi'), keyed('k'));
    expect(second).toEqual({ ...first, replayed: true });
    expect(await rows()).toHaveLength(1);
    expect(jobs).toHaveLength(1);
  });

  it('answers the status again that was answered, whatever became of the message since', async () => {
    const first = await outbox().accept(account, text('hi'), keyed('k'));
    await sql`update messages set status = 'sent' where id = ${first.messageId}`.execute(opened.db);
    expect((await outbox().accept(account, text('hi'), keyed('k'))).status).toBe('pending');
    await sql`update idempotency_keys set status = 'deferred' where account_id = ${account.id}`.execute(
      opened.db,
    );
    expect((await outbox().accept(account, text('hi'), keyed('k'))).status).toBe('deferred');
  });

  it('refuses another body', async () => {
    await outbox().accept(account, text('hi'), keyed('k', 'one'));
    await expect(outbox().accept(account, text('ho'), keyed('k', 'two'))).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });

  it('is of one account alone', async () => {
    const other = { id: await insertTestAccount(opened.db) } as Account;
    await outbox().accept(account, text('hi'), keyed('k', 'one'));
    const accepted = await outbox().accept(other, text('ho'), keyed('k', 'two'));
    expect(accepted.replayed).toBe(false);
  });

  it('makes one row of twenty requests at the same time', async () => {
    const box = outbox();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => box.accept(account, text('hi'), keyed('k'))),
    );
    const [row, ...more] = await rows();
    expect(more).toEqual([]);
    for (const result of results) {
      if (result.status === 'fulfilled') expect(result.value.messageId).toBe(row?.id);
      else expect(result.reason).toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS' });
    }
    expect(results.filter((r) => r.status === 'fulfilled' && !r.value.replayed)).toHaveLength(1);
  });

  it('is in progress while the first request fetches its media', async () => {
    const fetched = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const takeMedia: TakeMedia = async () => {
      started.resolve();
      await fetched.promise;
      return { ...PNG, as: 'image' };
    };
    const box = outbox({ takeMedia });
    const first = box.accept(account, picture, keyed('k'));
    await started.promise;
    for (const other of [box, outbox({ instanceId: parseInstanceId('two') })]) {
      await expect(other.accept(account, picture, keyed('k'))).rejects.toMatchObject({
        code: 'IDEMPOTENCY_IN_PROGRESS',
      });
      await expect(other.accept(account, picture, keyed('k', 'other'))).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      });
    }
    fetched.resolve();
    const { messageId } = await first;
    const again = await box.accept(account, picture, keyed('k'));
    expect(again).toEqual({ messageId, status: 'pending', replayed: true });
  });

  it('is free again after a request that was turned away', async () => {
    const takeMedia: TakeMedia = async () => {
      throw new AppError('MEDIA_UNAVAILABLE');
    };
    await expect(outbox({ takeMedia }).accept(account, picture, keyed('k', 'one'))).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
    });
    const accepted = await outbox().accept(account, text('hi'), keyed('k', 'two'));
    expect(accepted.replayed).toBe(false);
  });

  it('is free for a daemon that died while accepting, or whose claim was not answered, as soon as it is back', async () => {
    const request = { accountId: account.id, requestHash: 'h', isAlone: true };
    await claimIdempotencyKey(opened.db, { ...request, key: 'k', instanceId: INSTANCE });
    await claimIdempotencyKey(opened.db, { ...request, key: 'l', instanceId: parseInstanceId('two') });
    expect(await outbox().accept(account, text('hi'), keyed('k'))).toMatchObject({ replayed: false });
    expect(await outbox().accept(account, text('hi'), keyed('k'))).toMatchObject({ replayed: true });
    await expect(outbox().accept(account, text('hi'), keyed('l'))).rejects.toMatchObject({
      code: 'IDEMPOTENCY_IN_PROGRESS',
    });
  });

  it('is free for the daemon that could not give it back', async () => {
    const refused = new AppError('MEDIA_UNAVAILABLE');
    const takeMedia: TakeMedia = async () => {
      await away[Symbol.asyncDispose]();
      throw refused;
    };
    const away = openDatabase({ connection: database.connection, log });
    const lost = outbox({ db: away.db, takeMedia }).accept(account, picture, keyed('k'));
    await expect(lost).rejects.toBe(refused);
    expect(await outbox().accept(account, text('hi'), keyed('k'))).toMatchObject({ replayed: false });
  });

  it('is free once an acceptance cannot last any longer after a daemon died at it, whoever starts', async () => {
    const instanceId = parseInstanceId('two');
    const request = { accountId: account.id, key: 'k', requestHash: 'h', instanceId, isAlone: true };
    await claimIdempotencyKey(opened.db, request);
    await ageKey('k', ACCEPTANCE_TERMS.answerMs / 1_000 + 1);
    await expect(outbox().accept(account, text('hi'), keyed('k'))).rejects.toMatchObject({
      code: 'IDEMPOTENCY_IN_PROGRESS',
    });
    await ageKey('k', ABANDONED_S);
    expect(await outbox().accept(account, text('hi'), keyed('k'))).toMatchObject({ replayed: false });
    expect(await rows()).toHaveLength(1);
  });

  it('makes one row even if a first request that took too long ends after all', async () => {
    const fetched = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const takeMedia: TakeMedia = async () => {
      started.resolve();
      await fetched.promise;
      return { ...PNG, as: 'image' };
    };
    const slow = outbox({ takeMedia }).accept(account, picture, keyed('k'));
    await started.promise;
    await ageKey('k', ABANDONED_S);
    const second = await outbox().accept(account, picture, keyed('k'));
    fetched.resolve();
    await expect(slow).rejects.toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS' });
    expect(await rows()).toMatchObject([{ id: second.messageId }]);
    expect(await outbox().accept(account, picture, keyed('k'))).toEqual({ ...second, replayed: true });
  });

  it('is free again after a file that took too long, also if the storage never ends', async () => {
    const takeMedia: TakeMedia = () => Promise.withResolvers<never>().promise;
    const slow = outbox({ takeMedia, filesMs: 20 }).accept(account, picture, keyed('k'));
    await expect(slow).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const other = outbox({ instanceId: parseInstanceId('two') });
    expect(await other.accept(account, picture, keyed('k'))).toMatchObject({ replayed: false });
    expect(await rows()).toHaveLength(1);
  });

  it('is kept for 24 hours and then deleted', async () => {
    const first = await outbox().accept(account, text('hi'), keyed('k'));
    await ageKey('k', 24 * 3_600 - 60);
    await deleteOldIdempotencyKeys(opened.db);
    expect(await outbox().accept(account, text('hi'), keyed('k'))).toMatchObject({
      messageId: first.messageId,
      replayed: true,
    });
    await ageKey('k', 24 * 3_600 + 60);
    expect(await deleteOldIdempotencyKeys(opened.db)).toBe(1);
    expect(await outbox().accept(account, text('ho'), keyed('k', 'other'))).toMatchObject({
      replayed: false,
    });
  });
});

describe('many messages', () => {
  it('are in progress for as long as their files may take, and the answer after them', async () => {
    const fetched = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const takeMedia: TakeMedia = async () => {
      started.resolve();
      await fetched.promise;
      return { ...PNG, as: 'image' };
    };
    const items = [{ request: picture, idempotencyKey: null, requestHash: '0' }];
    const options = { idempotencyKey: 'k', requestHash: 'all' };
    const box = outbox({ takeMedia });
    const first = box.acceptAll(account, items, options);
    await started.promise;
    await ageKey('k', ACCEPTANCE_TERMS.answerMs / 1_000);
    await expect(box.acceptAll(account, items, options)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_IN_PROGRESS',
    });
    fetched.resolve();
    const outcomes = await first;
    expect(outcomes).toMatchObject([{ kind: 'accepted' }]);
    expect(await box.acceptAll(account, items, options)).toEqual(outcomes);
  });

  it('whose files do not come in time are rejected one by one, and accepted when the request is repeated', async () => {
    let began = 0;
    const takeAny: TakeMedia = async () => ({ ...PNG, as: 'image' });
    const takeMedia: TakeMedia = async (_account, source, { signal }) => {
      if (source.from === 'upload') return { ...PNG, as: 'image' };
      began += 1;
      const ended = Promise.withResolvers<never>();
      const end = () => ended.reject(signal?.reason);
      if (signal?.aborted) end();
      else signal?.addEventListener('abort', end);
      return ended.promise;
    };
    const sourceOf = (nth: number) =>
      nth === 0
        ? ({ from: 'upload', mediaId: 'm' } as const)
        : ({ from: 'url', url: 'https://a.example/' } as const);
    const items = Array.from({ length: 20 }, (_each, nth) => ({
      request: text('', { content: { ...picture.content, source: sourceOf(nth) } as SendRequest['content'] }),
      idempotencyKey: null,
      requestHash: String(nth),
    }));
    const options = { idempotencyKey: 'k', requestHash: 'all' };
    const outcomes = await outbox({ takeMedia, filesMs: 2_000 }).acceptAll(account, items, options);
    expect(began).toBe(19);
    const [first, ...others] = outcomes;
    expect(first).toMatchObject({ kind: 'accepted', status: 'pending' });
    for (const other of others)
      expect(other).toMatchObject({ kind: 'rejected', error: { code: 'UNAVAILABLE' } });
    expect(await rows()).toHaveLength(1);
    const again = await outbox({ takeMedia: takeAny }).acceptAll(account, items, options);
    expect(again[0]).toEqual(first);
    expect(again.every(({ kind }) => kind === 'accepted')).toBe(true);
    expect(await rows()).toHaveLength(20);
  });
});
