/** What whoever has lost the lease of an account still writes about it. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountStore } from '../../../src/accounts/account.ts';
import { type AccountId, makeAccountId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { saveCaughtUpTo, saveChatWatermarks } from '../../../src/db/catch-up-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { type LeaseFence, makeLeaseFence, NO_FENCE } from '../../../src/db/lease-fence.ts';
import { releaseLease, takeLease } from '../../../src/db/lease-store.ts';
import { listUnsettled } from '../../../src/db/outbox-store.ts';
import { saveBreaker, saveCapping } from '../../../src/db/pace-store.ts';
import { claimAgain, claimForSending } from '../../../src/db/send-claim.ts';
import {
  applyPageAck,
  type MessageRef,
  markFailed,
  markNeverLeft,
  markUnknown,
} from '../../../src/db/send-result-store.ts';
import { makeSnapshotIndex } from '../../../src/db/snapshot-store.ts';
import { type Lease, LeaseLostError } from '../../../src/instances/lease.ts';
import type { SnapshotIndex } from '../../../src/vault/snapshot-index.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { endRun, insertRun } from '../../support/instance-rows.ts';
import { silentLog as log } from '../../support/silent-log.ts';
import { findNextToSend, insertOutgoing } from '../../support/single-messages.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
const IDENTITY = { wid: '491700000001@c.us', phoneNumber: '+491700000001', profileName: 'Shop' };
const CHAT = '491700000002@c.us';

const stack = new AsyncDisposableStack();
let db: Executor;
let accountId: AccountId;
let runs: { readonly here: number; readonly there: number };
/** What this instance takes for its lease. */
let lease: Lease;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log, poolSize: 3 })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('instances').execute();
  runs = { here: await insertRun(db, HERE), there: await insertRun(db, THERE) };
  accountId = await insertTestAccount(db);
  lease = await take('here');
});

async function take(side: 'here' | 'there'): Promise<Lease> {
  const instanceId = side === 'here' ? HERE : THERE;
  const taking = await takeLease(db, { accountId, run: runs[side], instanceId });
  if (taking.kind !== 'taken') throw new Error(`It is not taken: ${taking.kind}.`);
  return taking.lease;
}

/** How this instance may have lost the lease without a word of it. */
const LOSSES: Readonly<Record<string, () => Promise<unknown>>> = {
  'the run was ended': () => endRun(db, runs.here),
  'the run was ended and another instance has the account': async () => {
    await endRun(db, runs.here);
    await take('there');
  },
  'it was given back': () => releaseLease(db, lease),
  'it was taken anew, by the same run': () => take('here'),
};
const EACH_LOSS = Object.entries(LOSSES);

const fence = makeLeaseFence(() => lease);
const at = new Date();

/** Everything that a session stores of its account, and of its messages. */
async function dump(): Promise<readonly unknown[]> {
  const { rows } = await sql<{ rows: unknown }>`
    select jsonb_build_array(
      (select to_jsonb(a) - 'lease_run' - 'lease_epoch' - 'instance_id' from accounts a where id = ${accountId}),
      (select jsonb_agg(e order by e.id) from session_events e where account_id = ${accountId}),
      (select jsonb_agg(to_jsonb(m) - 'slot_date') from messages m where account_id = ${accountId}),
      (select jsonb_agg(k) from message_keys k where account_id = ${accountId}),
      (select jsonb_agg(v) from vault_snapshots v where account_id = ${accountId}),
      (select jsonb_agg(w order by w.chat_id) from chat_watermarks w where account_id = ${accountId}),
      (select jsonb_agg(p) from account_pace p where account_id = ${accountId}),
      (select jsonb_agg(jsonb_build_array(sent, failed)) from account_usage where account_id = ${accountId} and sent + failed > 0)) as rows`.execute(
    db,
  );
  return rows;
}

describe('the state of an account', () => {
  const WRITES: Readonly<Record<string, (store: AccountStore) => Promise<void>>> = {
    saveStart: (store) => store.saveStart(accountId, HERE),
    saveState: (store) => store.saveState(accountId, { state: 'reconnecting', reason: 'browser_died' }),
    saveRest: (store) => store.saveRest(accountId, { reason: 'logged_out' }),
    saveAlert: (store) =>
      store.saveAlert(accountId, { kind: 'needs_human', reason: 'logged_out', text: 'Scan.' }),
    saveQr: (store) => store.saveQr(accountId, { text: 'code', expiresAt: at }),
    savePairingCode: (store) => store.savePairingCode(accountId, { text: 'code', expiresAt: at }),
    saveLinked: (store) => store.saveLinked(accountId, IDENTITY),
    saveOver: (store) => store.saveOver(accountId, HERE),
  };

  it('is written under the lease that holds the account', async () => {
    const store = makeAccountStore(db, { fence });
    for (const [name, write] of Object.entries(WRITES)) {
      const before = await dump();
      await write(store);
      expect(await dump(), name).not.toEqual(before);
    }
  });

  it.each(EACH_LOSS)('is not touched by a write that comes too late: %s', async (_how, lose) => {
    const store = makeAccountStore(db, { fence });
    await lose();
    const before = await dump();
    for (const [name, write] of Object.entries(WRITES)) {
      await expect(write(store), name).rejects.toThrow(LeaseLostError);
    }
    expect(await dump()).toEqual(before);
  });

  it('is not touched by who knows of no lease, not even asked of', async () => {
    const store = makeAccountStore(db, { fence: makeLeaseFence(() => undefined) });
    const before = await dump();
    for (const write of Object.values(WRITES)) {
      await expect((async () => write(store))()).rejects.toThrow(LeaseLostError);
    }
    expect(await dump()).toEqual(before);
  });

  it('of one that was deleted is nobody’s: nothing is written, and nobody is blamed', async () => {
    const store = makeAccountStore(db, { fence });
    await markAccountDeleted(db, accountId);
    await endRun(db, runs.here);
    const before = await dump();
    for (const write of Object.values(WRITES)) await write(store);
    expect(await dump()).toEqual(before);
  });
});

describe('what was read of a page', () => {
  const upTo = { atMs: at.getTime(), nowMs: at.getTime() };
  const capping = { status: 'CAPPED', cycleEndsAt: at.getTime() + 3_600_000, timelockedUntil: null } as const;
  const WRITES: Readonly<Record<string, (by: LeaseFence) => Promise<void>>> = {
    saveCaughtUpTo: (by) => saveCaughtUpTo(db, accountId, { ...upTo, fence: by }),
    saveChatWatermarks: (by) =>
      saveChatWatermarks(db, accountId, [{ chatId: CHAT, mark: 'm' }], { ...upTo, fence: by }),
    saveCapping: (by) => saveCapping(db, accountId, capping, { at, fence: by }),
    saveBreaker: (by) =>
      saveBreaker(
        db,
        accountId,
        { state: 'open', openedAt: at.getTime(), openedBy: 'locked' },
        { at, fence: by },
      ),
  };

  it('is written under the lease that holds the account', async () => {
    for (const [name, write] of Object.entries(WRITES)) {
      const before = await dump();
      await write(fence);
      expect(await dump(), name).not.toEqual(before);
    }
  });

  it.each(EACH_LOSS)(
    'is not written of the page of whoever has the account by then: %s',
    async (_how, lose) => {
      await lose();
      const before = await dump();
      for (const [name, write] of Object.entries(WRITES)) {
        await expect(write(fence), name).rejects.toThrow(LeaseLostError);
      }
      expect(await dump()).toEqual(before);
    },
  );

  it('is not written where others have written it already', async () => {
    await LOSSES['the run was ended and another instance has the account']?.();
    for (const write of Object.values(WRITES)) await write(NO_FENCE);
    const before = await dump();
    const late = { atMs: upTo.atMs + 1_000, nowMs: upTo.nowMs + 1_000, fence };
    const lateAt = { at: new Date(late.atMs), fence };
    const writes = [
      () => saveCaughtUpTo(db, accountId, late),
      () => saveChatWatermarks(db, accountId, [{ chatId: CHAT, mark: 'late' }], late),
      () => saveCapping(db, accountId, { ...capping, status: 'NONE', cycleEndsAt: null }, lateAt),
      () => saveBreaker(db, accountId, { state: 'closed', openedAt: null, openedBy: null }, lateAt),
    ];
    for (const write of writes) await expect(write()).rejects.toThrow(LeaseLostError);
    expect(await dump()).toEqual(before);
  });

  it('of an account that was deleted is nobody’s: nothing is written, and nobody is blamed', async () => {
    await markAccountDeleted(db, accountId);
    await endRun(db, runs.here);
    const before = await dump();
    for (const write of Object.values(WRITES)) await write(fence);
    expect(await dump()).toEqual(before);
  });
});

describe('the index of snapshots', () => {
  const snapshot = { generation: 1, sealedAt: at, keyId: 'k1', bytes: 1, profileEpoch: null };

  it('enters one under the lease, and none once another instance has the account', async () => {
    const index = makeSnapshotIndex(db, HERE, () => lease);
    await index.save({ ...snapshot, accountId });
    await LOSSES['the run was ended and another instance has the account']?.();
    const before = await dump();
    for (const generation of [1, 2]) {
      const late = index.save({ ...snapshot, accountId, generation, keyId: 'late' });
      await expect(late).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    }
    expect(await dump()).toEqual(before);
  });

  it('enters none of an instance that has the account again since, under a newer lease', async () => {
    const index = makeSnapshotIndex(db, HERE, () => lease);
    await take('here');
    await expect(index.save({ ...snapshot, accountId })).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
    });
    expect((await index.find(accountId)).snapshots).toEqual([]);
  });
});

describe('the end of a link', () => {
  let index: SnapshotIndex;
  const isLinked = async () => (await makeAccountStore(db).getAccount(accountId)).linked;

  beforeEach(async () => {
    index = makeSnapshotIndex(db, HERE, () => lease);
    await makeAccountStore(db).saveLinked(accountId, IDENTITY);
  });

  it('is marked under the lease that holds the account', async () => {
    await index.saveWiped(accountId, 7);
    expect([await isLinked(), (await index.find(accountId)).wipedThrough]).toEqual([false, 7]);
  });

  it('is not marked by whoever holds the account no more, nor by the same instance without a lease', async () => {
    const before = await dump();
    const unheld = makeSnapshotIndex(db, HERE, () => undefined);
    await expect(unheld.saveWiped(accountId, 7)).rejects.toBeInstanceOf(LeaseLostError);
    expect(await dump()).toEqual(before);
    // Of an account that is gone everything may go.
    await unheld.saveWiped(makeAccountId(), 7);
    await index.saveWiped(accountId, 7);
    expect(await isLinked()).toBe(false);
  });

  it('is not marked by whoever lost the account: the link may be a new one', async () => {
    await LOSSES['the run was ended and another instance has the account']?.();
    const before = await dump();
    await expect(index.saveWiped(accountId, 7)).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    expect(await dump()).toEqual(before);
  });
});

describe('what a sender finds out about a message', () => {
  const content = { type: 'text', text: 'hi', caption: null, payload: null, media: null } as const;
  const failure = { code: 'SEND_REFUSED', reason: 'The page would not have it.', at };
  let message: MessageRef;

  beforeEach(async () => {
    const id = makeMessageId(at.getTime());
    message = { id, accountId };
    await insertOutgoing(db, { ...content, id, accountId, chatId: CHAT, replyTo: null, failure: null, at });
  });

  const WRITES: Readonly<Record<string, (by: LeaseFence) => Promise<unknown>>> = {
    'its outcome is not known': (by) => markUnknown(db, message, at, failure, by),
    'the page has it after all': (by) => applyPageAck(db, message, { ack: 0, reason: null }, at, by),
    'nothing of it left': (by) => markNeverLeft(db, message, failure, by),
    'the server has it': (by) => applyPageAck(db, message, { ack: 1, reason: null }, at, by),
  };

  it('is written under the lease that holds the account', async () => {
    for (const [name, write] of Object.entries(WRITES)) {
      const before = await dump();
      await write(fence);
      expect(await dump(), name).not.toEqual(before);
    }
  });

  it('ends it under the lease', async () => {
    expect(await markFailed(db, message, failure, fence)).toBe(true);
  });

  it.each(EACH_LOSS)('is for whoever has the account by then to find out: %s', async (_how, lose) => {
    await markUnknown(db, message, at, undefined, NO_FENCE);
    await lose();
    const before = await dump();
    for (const write of Object.values(WRITES)) await write(fence);
    expect(await markFailed(db, message, failure, fence)).toBe(false);
    expect(await dump()).toEqual(before);
  });

  it('is not written by who knows of no lease', async () => {
    const unheld = makeLeaseFence(() => undefined);
    const before = await dump();
    for (const write of Object.values(WRITES)) await expect(write(unheld)).rejects.toThrow(LeaseLostError);
    expect(await dump()).toEqual(before);
  });
});

describe('a message', () => {
  const terms = { at, perMinute: 0 };
  const by = { ...terms, instanceId: HERE, epoch: 1 };
  const key = { fromMe: true, chatId: CHAT, bareId: 'P1', participant: null };
  const claim = async () => {
    const message = await findNextToSend(db, accountId, [], terms);
    if (message === undefined) throw new Error('Nothing waits.');
    const under = fence.condition(accountId);
    return claimForSending(db, message, { key, chatId: CHAT }, { ...by, under });
  };
  const claimOnceMore = async () => {
    const { messages } = await listUnsettled(
      db,
      accountId,
      { now: at.getTime(), minAgeMs: 0 },
      { after: null, limit: 1 },
    );
    const [message] = messages;
    if (message === undefined) throw new Error('None was handed over.');
    return claimAgain(db, message, { ...by, under: fence.condition(accountId) });
  };

  beforeEach(() => {
    const content = { type: 'text', text: 'hi', caption: null, payload: null, media: null } as const;
    const id = makeMessageId(at.getTime());
    return insertOutgoing(db, { ...content, id, accountId, chatId: CHAT, replyTo: null, failure: null, at });
  });

  it('is claimed under the lease, and claimed again', async () => {
    expect(await claim()).toEqual({ kind: 'claimed' });
    expect(await claimOnceMore()).toEqual({ kind: 'claimed' });
  });

  it.each(EACH_LOSS)('is not claimed for a page once the account is lost: %s', async (_how, lose) => {
    await lose();
    const before = await dump();
    expect(await claim()).toEqual({ kind: 'gone' });
    expect(await dump()).toEqual(before);
  });

  it.each(EACH_LOSS)('is not claimed again either: %s', async (_how, lose) => {
    await claim();
    await lose();
    const before = await dump();
    expect(await claimOnceMore()).toEqual({ kind: 'gone' });
    expect(await dump()).toEqual(before);
  });
});
