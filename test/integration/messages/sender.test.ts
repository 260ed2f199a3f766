import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { Ack } from '../../../src/messages/message.ts';
import { insertTestAccount, ownMessageEvent } from '../../support/inbound-events.ts';
import {
  ALICE,
  BOB,
  INSTANCE,
  openSenderDatabase,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';

let database: SenderDatabase;
let stage: SenderStage;

beforeAll(async () => {
  database = await openSenderDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  stage = await SenderStage.open(database.db);
});
afterEach(() => stage[Symbol.asyncDispose]());

describe('sending', () => {
  it('hands messages over in the order in which they were accepted, and adopts the ack', async () => {
    for (const body of ['1', '2', '3']) await stage.accept(body);
    stage.connect();
    await stage.accept('4');
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
    const stored = await stage.rows();
    expect(stored.map((row) => row.status)).toEqual(['sent', 'sent', 'sent', 'sent']);
    expect(stored[0]).toMatchObject({
      bare_id: stage.network.carried[0]?.bareId,
      whatsapp_message_id: `true_${ALICE}_${stage.network.carried[0]?.bareId}`,
      handed_at: new Date(stage.clock.now()),
      claimed_by: INSTANCE,
      claim_epoch: expect.stringMatching(/^\d+$/),
      sent_at: new Date(stage.clock.now()),
    });
  });

  it('counts what left and what failed on the date in the time zone of the account', async () => {
    for (const body of ['1', 'bad', '2']) await stage.accept(body);
    stage.connect({
      onSend(_prepared, content) {
        if (content.kind === 'text' && content.text === 'bad') throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    await stage.settled();
    const usage = await stage.usage();
    expect(usage).toMatchObject([{ local_date: '2026-03-02', sent: 2, failed: 1 }]);
  });

  it('tells of each message that it counted', async () => {
    const counted: AccountId[] = [];
    stage.openSender({ onCounted: (id) => void counted.push(id) });
    for (const body of ['first', 'second']) await stage.accept(body);
    stage.connect();
    await stage.settled();
    expect(counted).toEqual([stage.account.id, stage.account.id]);
  });

  it('leaves messages alone that were sent on the phone', async () => {
    await ingestEvents(stage.db, stage.account.id, [ownMessageEvent('PHONE', { ack: 0 })], new Date());
    stage.connect();
    await stage.settled();
    expect(stage.network.given).toEqual([]);
  });
});

describe('a row that nobody was told of', () => {
  it('is found by the sender itself', async () => {
    const sent = Promise.withResolvers<void>();
    stage.openSender({ clock: systemClock, sweepIntervalMs: 5 });
    stage.connect({ onSent: () => sent.resolve() });
    await stage.nextIdle();
    await stage.accept('1', {}, { wakes: false });
    await sent.promise;
    expect(stage.network.textsOf(ALICE)).toEqual(['1']);
  });
});

describe('life cycle', () => {
  it('lets a newer connection take over', async () => {
    await stage.accept('1');
    const hanging = Promise.withResolvers<void>();
    const first = stage.connect({ onPrepare: () => hanging.promise });
    await first.session.asked(ALICE);
    stage.connect();
    await first.ended;
    await stage.settled();
    hanging.resolve();
    expect(stage.network.textsOf(ALICE)).toEqual(['1']);
  });

  it('ends every loop when it is disposed, also one that hangs in the page', async () => {
    await stage.accept('1');
    const { session, ended } = stage.connect({ onPrepare: () => new Promise(() => undefined) });
    await session.asked(ALICE);
    await stage.sender[Symbol.asyncDispose]();
    await ended;
    await expect(stage.connect().ended).resolves.toBeUndefined();
    expect(stage.network.given).toEqual([]);
  });

  it('sends for accounts side by side', async () => {
    const ack: Ack = 1;
    const other = { id: await insertTestAccount(stage.db) } as Account;
    const slow = stage.connect({ ack, onSend: () => new Promise(() => undefined) });
    await stage.accept('slow');
    await slow.session.asked(ALICE);
    stage.account = other;
    await stage.accept('quick', { to: BOB });
    const sent = Promise.withResolvers<void>();
    stage.connect({ ack, onSent: () => sent.resolve() });
    await sent.promise;
    expect(stage.network.textsOf(BOB)).toEqual(['quick']);
  });
});
