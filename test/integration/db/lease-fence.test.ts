/** What whoever has lost the lease of an account still writes about it. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountStore } from '../../../src/accounts/account.ts';
import { type AccountId, makeAccountId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { finishCatchUp, insertCatchUp } from '../../../src/db/catch-up-ledger.ts';
import { saveCaughtUpTo, saveChatWatermarks } from '../../../src/db/catch-up-store.ts';
import { saveChats } from '../../../src/db/chat-store.ts';
import { saveContacts } from '../../../src/db/contact-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
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
import { learnRecipient } from '../../../src/messages/recipient.ts';
import type { SnapshotIndex } from '../../../src/vault/snapshot-index.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
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
      (select jsonb_agg(c order by c.id) from catch_ups c where account_id = ${accountId}),
      (select jsonb_agg(a order by a.lid) from addresses a where account_id = ${accountId}),
      (select jsonb_agg(c order by c.contact_id) from contacts c where account_id = ${accountId}),
      (select jsonb_agg(c order by c.chat_id) from chats c where account_id = ${accountId}),
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

describe('what a page tells of people, chats and the reading of it', () => {
  const LID = '9900011@lid';
  const pair = { lid: LID, phone: CHAT };
  const asked = { lid: '9900012@lid', phone: '491700000003@c.us' };
  const contact = { contactId: CHAT, name: 'Alice', pushName: null, isBusiness: false };
  const chat = { chatId: CHAT, name: 'Alice', unread: 1, lastMessageAt: at.getTime() };
  const key = { fromMe: true, chatId: asked.lid, bareId: 'P1', participant: null };
  const outcome = { from: null, found: 3, chats: 1, unread: 0, endedAt: at.getTime() };
  let begun: string;
  const WRITES: Readonly<Record<string, (by: LeaseFence) => Promise<unknown>>> = {
    saveContacts: (by) => saveContacts(db, accountId, [contact], at, by),
    saveChats: (by) => saveChats(db, accountId, [chat], at, by),
    ingestAddresses: (by) => ingestAddresses(db, accountId, [pair], at, { fence: by }),
    learnRecipient: (by) =>
      learnRecipient(db, { accountId, chatId: asked.phone }, { key, chatId: asked.lid }, at, by),
    finishCatchUp: (by) => finishCatchUp(db, begun, outcome, { accountId, fence: by }),
  };
  const begin = (by: LeaseFence) =>
    insertCatchUp(db, accountId, { cause: 'ready', startedAt: at.getTime(), fence: by });

  beforeEach(async () => {
    begun = await begin(NO_FENCE);
  });

  it('is written under the lease that holds the account', async () => {
    for (const [name, write] of Object.entries({ ...WRITES, insertCatchUp: begin })) {
      const before = await dump();
      await write(fence);
      expect(await dump(), name).not.toEqual(before);
    }
  });

  it.each(EACH_LOSS)('is not written once the account is lost: %s', async (_how, lose) => {
    await lose();
    const before = await dump();
    for (const [name, write] of Object.entries({ ...WRITES, insertCatchUp: begin })) {
      await expect(write(fence), name).rejects.toThrow(LeaseLostError);
    }
    expect(await dump()).toEqual(before);
  });

  it('is not written by who knows of no lease, not even asked of', async () => {
    const before = await dump();
    for (const write of [...Object.values(WRITES), begin]) {
      await expect(write(makeLeaseFence(() => undefined))).rejects.toThrow(LeaseLostError);
    }
    expect(await dump()).toEqual(before);
  });

  it('leaves nothing of the phone before where another number is linked meanwhile', async () => {
    const former = { ...IDENTITY, phoneNumber: '+491700000004' };
    await makeAccountStore(db, { fence }).saveLinked(accountId, former);
    await saveContacts(db, accountId, [contact], at, fence);
    await LOSSES['the run was ended and another instance has the account']?.();
    const another = { ...former, phoneNumber: '+491700000005' };
    await makeAccountStore(db).saveLinked(accountId, another);
    await expect(saveContacts(db, accountId, [contact], at, fence)).rejects.toThrow(LeaseLostError);
    const contacts = db.selectFrom('contacts').selectAll().where('account_id', '=', accountId);
    expect(await contacts.execute()).toEqual([]);
  });

  it('of an account that was deleted is nobody’s: nothing is written, and nobody is blamed', async () => {
    await markAccountDeleted(db, accountId);
    await endRun(db, runs.here);
    const before = await dump();
    for (const write of Object.values(WRITES)) await write(fence);
    await expect(begin(fence)).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
    expect(await dump()).toEqual(before);
  });

  it('is learnt with a message that was taken before, whoever stores it', async () => {
    await LOSSES['the run was ended and another instance has the account']?.();
    const named = { fromMe: false, chatId: LID, bareId: 'A1', participant: null };
    const stored = await ingestEvents(
      db,
      accountId,
      [messageEvent('A1', { key: named, chatId: CHAT, author: CHAT })],
      at,
    );
    expect(stored.added).toHaveLength(1);
    const learnt = db.selectFrom('addresses').select(['lid', 'phone']).where('account_id', '=', accountId);
    expect(await learnt.execute()).toEqual([pair]);
  });
});
