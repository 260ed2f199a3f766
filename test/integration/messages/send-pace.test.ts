import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, type MessageId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import type { PacingConfig } from '../../../src/config/config.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { makeLeaseFence, NO_FENCE } from '../../../src/db/lease-fence.ts';
import { saveCapping } from '../../../src/db/pace-store.ts';
import { claimForSending } from '../../../src/db/send-claim.ts';
import { applyPageAck, markNeverLeft } from '../../../src/db/send-result-store.ts';
import { COOL_DOWN_MS } from '../../../src/limits/breaker.ts';
import type { Capping } from '../../../src/limits/capping.ts';
import { NO_PACING } from '../../../src/limits/pace.ts';
import { type NextSend, SendPace } from '../../../src/messages/send-pace.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { insertOutgoing } from '../../support/single-messages.ts';

const HOUR_MS = 3_600_000;
const GROUP = '120363041234567890@g.us';
const FREE: Capping = { status: 'NONE', cycleEndsAt: null, timelockedUntil: null };

let database: TestDatabase;
let opened: OpenDatabase;
let accountId: AccountId;
let clock: ManualClock;
let log: RecordingLogger;
let names = 0;

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: new RecordingLogger() });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  accountId = await insertTestAccount(opened.db);
  clock = new ManualClock();
  log = new RecordingLogger();
});

function open(
  switches: Partial<PacingConfig> = {},
  readCapping?: () => Promise<Capping | undefined>,
  fence = NO_FENCE,
): SendPace {
  const pacing = { ...NO_PACING, ...switches };
  const deps = { db: opened.db, fence, messageRateLimit: 0, pacing, clock, log };
  const session = { accountId, ...(readCapping === undefined ? {} : { readCapping }) };
  return new SendPace(deps, session, new AbortController().signal);
}

async function accept(text: string, chatId: string): Promise<MessageId> {
  const id = makeMessageId(clock.now());
  const content = { type: 'text', text, caption: null, payload: null, media: null } as const;
  const at = new Date(clock.now());
  await insertOutgoing(opened.db, { ...content, id, accountId, chatId, replyTo: null, failure: null, at });
  return id;
}

/** The chat wrote so long ago. */
async function hear(chatId: string, hoursAgo = 0): Promise<void> {
  const last_incoming_at = new Date(clock.now() - hoursAgo * HOUR_MS);
  await opened.db
    .insertInto('chats')
    .values({ account_id: accountId, chat_id: chatId, last_incoming_at })
    .onConflict((conflict) => conflict.columns(['account_id', 'chat_id']).doUpdateSet({ last_incoming_at }))
    .execute();
}

async function claim(pace: SendPace, next: NextSend) {
  if (next.kind === 'wait') throw new Error('There is nothing to send.');
  const { message } = next;
  names += 1;
  const key = { fromMe: true, chatId: message.chatId, bareId: `P${names}`, participant: null };
  const by = { ...pace.terms(), instanceId: parseInstanceId('one'), epoch: 1 };
  return claimForSending(opened.db, message, { key, chatId: message.chatId }, by);
}

/** Hands the next message over, as the sender would; returns what it said, or how long nothing leaves. */
async function sendNext(
  pace: SendPace,
  ack: 1 | -1 = 1,
  reason: string | null = null,
): Promise<string | number | null> {
  const next = await pace.findNext([]);
  if (next.kind === 'wait') return next.delayMs;
  if (!(await pace.mayLeave(next.message))) return sendNext(pace, ack, reason);
  expect(await claim(pace, next)).toEqual({ kind: 'claimed' });
  await applyPageAck(opened.db, next.message, { ack, reason }, new Date(clock.now()));
  return next.message.text;
}

async function sendAll(pace: SendPace): Promise<(string | number | null)[]> {
  const said: (string | number | null)[] = [];
  do said.push(await sendNext(pace));
  while (typeof said.at(-1) === 'string');
  return said;
}

describe('lanes', () => {
  beforeEach(async () => {
    await hear('known@c.us', 25);
    await hear('reply@c.us', 23);
    await accept('stranger 1', 'stranger@c.us');
    await accept('group', GROUP);
    await accept('known', 'known@c.us');
    await accept('reply 1', 'reply@c.us');
    await accept('stranger 2', 'stranger@c.us');
    await accept('reply 2', 'reply@c.us');
  });

  it('have no say while everything is switched off', async () => {
    const inOrder = ['stranger 1', 'group', 'known', 'reply 1', 'stranger 2', 'reply 2', null];
    expect(await sendAll(open())).toEqual(inOrder);
  });

  it('put answers first and strangers last, and keep the order of acceptance within', async () => {
    const byLane = ['reply 1', 'reply 2', 'group', 'known', 'stranger 1', 'stranger 2', null];
    expect(await sendAll(open({ breaker: true }))).toEqual(byLane);
    const rows = await opened.db
      .selectFrom('messages')
      .select(['text', 'lane'])
      .where('account_id', '=', accountId)
      .orderBy('seq')
      .execute();
    expect(rows.map(({ lane }) => lane)).toEqual([
      'stranger',
      'known',
      'known',
      'reply',
      'stranger',
      'reply',
    ]);
  });

  it('are left by all that waits for a chat at once when it writes', async () => {
    const pace = open({ breaker: true });
    await hear('stranger@c.us');
    expect((await sendAll(pace)).slice(0, 4)).toEqual(['stranger 1', 'reply 1', 'stranger 2', 'reply 2']);
  });
});

describe('jitter', () => {
  it('spreads messages, and tells how long the next one waits', async () => {
    for (const text of ['1', '2']) await accept(text, 'a@c.us');
    const pace = open({ jitter: true });
    expect(await sendNext(pace)).toBe('1');
    const delayMs = Number(await sendNext(pace));
    expect(delayMs).toBeGreaterThanOrEqual(15_000);
    clock.advance(delayMs - 1);
    expect(await sendNext(open({ jitter: true }))).toBe(1);
    clock.advance(1);
    expect(await sendNext(pace)).toBe('2');
  });

  it('goes by the clock as it was set, also back', async () => {
    for (const text of ['1', '2', '3']) await accept(text, 'a@c.us');
    const pace = open({ jitter: true });
    expect(await sendNext(pace)).toBe('1');
    clock.set(-HOUR_MS);
    expect(await sendNext(pace)).toBe('2');
    expect(Number(await sendNext(pace))).toBeGreaterThanOrEqual(15_000);
  });

  it('holds for claims that are made at the same time', async () => {
    await accept('1', 'a@c.us');
    const pace = open({ jitter: true });
    const first = await pace.findNext([]);
    await accept('2', 'b@c.us');
    const second = await pace.findNext(['a@c.us']);
    const claims = await Promise.all([claim(pace, first), claim(pace, second)]);
    expect(claims.map(({ kind }) => kind).toSorted()).toEqual(['claimed', 'paced']);
  });
});

describe('warm-up', () => {
  it('holds what is no answer back for the next day once a young account has sent enough', async () => {
    for (let nth = 0; nth < 22; nth += 1) await accept(String(nth), `s${nth}@c.us`);
    const pace = open({ warmup: true });
    const said = await sendAll(pace);
    // From noon in UTC.
    expect([said.length, said.at(-1)]).toEqual([21, 12 * HOUR_MS]);
    await hear('reply@c.us');
    await accept('reply', 'reply@c.us');
    expect(await sendNext(pace)).toBe('reply');
    clock.advance(12 * HOUR_MS);
    expect(await sendNext(pace)).toBe('20');
  });

  it('lets an old account send as its limits allow', async () => {
    await opened.db
      .updateTable('accounts')
      .set({ first_linked_at: new Date(clock.now() - 14 * 24 * HOUR_MS) })
      .where('id', '=', accountId)
      .execute();
    for (let nth = 0; nth < 22; nth += 1) await accept(String(nth), `s${nth}@c.us`);
    expect(await sendAll(open({ warmup: true }))).toHaveLength(23);
  });

  it.each([
    { of: 'of its tenant, deleted meanwhile', tenant: 'default', number: '+491700000001', said: 23 },
    { of: 'of another tenant', tenant: 'other', number: '+491700000001', said: 21 },
    { of: 'with another number', tenant: 'default', number: '+491700000002', said: 21 },
  ])(
    'counts the age of a number that was first linked by an account $of',
    async ({ tenant, number, said }) => {
      const earlier = await insertTestAccount(opened.db);
      const long = new Date(clock.now() - 14 * 24 * HOUR_MS);
      const rows = [
        [earlier, { first_linked_at: long, phone_number: number, tenant_id: tenant, deleted_at: long }],
        [accountId, { first_linked_at: new Date(clock.now()), phone_number: '+491700000001' }],
      ] as const;
      for (const [id, row] of rows)
        await opened.db.updateTable('accounts').set(row).where('id', '=', id).execute();
      for (let nth = 0; nth < 22; nth += 1) await accept(String(nth), `s${nth}@c.us`);
      expect(await sendAll(open({ warmup: true }))).toHaveLength(said);
      await opened.db.deleteFrom('accounts').where('id', '=', earlier).execute();
    },
  );
});

describe('the breaker', () => {
  async function acceptToStrangers(count: number): Promise<void> {
    for (let nth = 0; nth < count; nth += 1) await accept(String(nth), `s${nth}@c.us`);
  }

  it('opens after refusals, tries one stranger after a while, and closes when it is taken', async () => {
    await acceptToStrangers(6);
    const pace = open({ breaker: true });
    for (let refused = 0; refused < 3; refused += 1) await sendNext(pace, -1, '500');
    const warned = log.next('Messages to strangers rest: the breaker has opened');
    expect(await sendNext(pace)).toBe(COOL_DOWN_MS);
    expect((await warned).fields).toMatchObject({ openedBy: 'refused' });

    await hear('reply@c.us');
    await accept('reply', 'reply@c.us');
    expect(await sendNext(pace)).toBe('reply');

    clock.advance(COOL_DOWN_MS);
    const later = open({ breaker: true });
    const tried = await later.findNext([]);
    expect(await claim(later, tried)).toEqual({ kind: 'claimed' });
    expect(await sendNext(later)).toBe(60_000);
    const message = tried.kind === 'send' ? tried.message : undefined;
    if (message) await applyPageAck(opened.db, message, { ack: 1, reason: null }, new Date(clock.now()));
    expect(await sendAll(later)).toEqual(['4', '5', null]);
  });

  it('stays open for as long again when the try is refused', async () => {
    await acceptToStrangers(6);
    const pace = open({ breaker: true });
    for (let refused = 0; refused < 3; refused += 1) await sendNext(pace, -1, '500');
    await sendNext(pace);
    clock.advance(COOL_DOWN_MS);
    expect(await sendNext(pace, -1, '500')).toBe('3');
    expect(await sendNext(pace)).toBe(COOL_DOWN_MS);
  });

  /** Hands the next message over to a page that refuses it, of which nothing leaves. */
  async function failNext(pace: SendPace): Promise<void> {
    const next = await pace.findNext([]);
    expect(await claim(pace, next)).toEqual({ kind: 'claimed' });
    if (next.kind === 'wait') return;
    const failure = { code: 'SEND_REFUSED', reason: 'The file could not be uploaded.' };
    await markNeverLeft(opened.db, next.message, { ...failure, at: new Date(clock.now()) });
  }

  it('does not open by what the page itself refused, of which nothing left', async () => {
    await acceptToStrangers(4);
    const pace = open({ breaker: true });
    for (let refused = 0; refused < 3; refused += 1) await failNext(pace);
    expect(await sendAll(pace)).toEqual(['3', null]);
  });

  it('tries another stranger when nothing of the one that was tried left', async () => {
    await acceptToStrangers(6);
    const pace = open({ breaker: true });
    for (let refused = 0; refused < 3; refused += 1) await sendNext(pace, -1, '500');
    await sendNext(pace);
    clock.advance(COOL_DOWN_MS);
    await failNext(pace);
    expect(await sendAll(pace)).toEqual(['4', '5', null]);
  });

  it('opens when few of the messages arrive', async () => {
    await acceptToStrangers(21);
    const pace = open({ breaker: true });
    for (let sent = 0; sent < 20; sent += 1) await sendNext(pace);
    clock.advance(2 * HOUR_MS);
    expect(await sendNext(pace)).toBe(COOL_DOWN_MS);
  });

  it('is of no consequence while it is switched off', async () => {
    await acceptToStrangers(5);
    const pace = open();
    for (let refused = 0; refused < 4; refused += 1)
      expect(await sendNext(pace, -1, '500')).toBe(`${refused}`);
    expect(await sendNext(pace)).toBe('4');
  });
});

describe("WhatsApp's own capping (fact A25)", () => {
  beforeEach(async () => {
    await hear('reply@c.us');
    await accept('stranger 1', 's1@c.us');
    await accept('reply 1', 'reply@c.us');
    await accept('stranger 2', 's2@c.us');
    await accept('known', GROUP);
  });

  it.each<[string, Partial<PacingConfig>]>([
    ['everything is switched off', {}],
    ['pacing is switched on', { breaker: true }],
  ])('lets strangers rest and answers go on, while %s', async (_what, switches) => {
    const timelockedUntil = clock.now() + 3 * HOUR_MS;
    let asked = 0;
    const pace = open(switches, async () => {
      asked += 1;
      return { ...FREE, timelockedUntil };
    });
    expect(await sendAll(pace)).toEqual(['reply 1', 'known', 3 * HOUR_MS]);
    expect(asked).toBe(1);
    clock.advance(2 * HOUR_MS);
    expect(await sendNext(pace)).toBe(HOUR_MS);
    expect(asked).toBe(2);
  });

  it('is asked for again, and ends as soon as the page says so', async () => {
    let capping: Capping = { ...FREE, status: 'CAPPED' };
    const pace = open({}, async () => capping);
    expect(await sendAll(pace)).toEqual(['reply 1', 'known', HOUR_MS]);
    capping = FREE;
    clock.advance(5_000);
    expect(await sendAll(pace)).toEqual(['stranger 1', 'stranger 2', null]);
  });

  it('is asked for before each first message, and written down where it is another', async () => {
    const asked: Capping[] = [];
    let capping: Capping = FREE;
    const pace = open({}, async () => {
      asked.push(capping);
      return capping;
    });
    expect(await sendNext(pace)).toBe('stranger 1');
    capping = { ...FREE, status: 'CAPPED' };
    expect(await sendAll(pace)).toEqual(['reply 1', 'known', HOUR_MS]);
    expect(asked.map(({ status }) => status)).toEqual(['NONE', 'CAPPED']);
  });

  it('is no reason to wait where the page does not tell, or cannot be asked', async () => {
    const untold = open({}, async () => undefined);
    expect(await sendNext(untold)).toBe('stranger 1');
    let asked = 0;
    const broken = open({}, () => {
      asked += 1;
      return Promise.reject(new Error('of the page'));
    });
    expect((await sendAll(broken)).slice(0, 2)).toEqual(['reply 1', 'stranger 2']);
    clock.advance(30_000);
    await accept('stranger 3', 's3@c.us');
    expect(await sendNext(broken)).toBe('stranger 3');
    expect(asked).toBe(1);
  });

  it('is asked for after a refusal with 463, which alone holds nobody back', async () => {
    const lockedUntil = clock.now() + 3 * HOUR_MS;
    let timelockedUntil: number | null = null;
    const pace = open({}, async () => ({ ...FREE, timelockedUntil }));
    expect(await sendNext(pace, -1, '463')).toBe('stranger 1');
    expect(await sendNext(pace)).toBe('reply 1');
    timelockedUntil = lockedUntil;
    clock.advance(5_000);
    expect(await sendAll(pace)).toEqual(['known', lockedUntil - clock.now()]);
  });

  it('ends where a page no longer tells of it', async () => {
    await saveCapping(opened.db, accountId, { ...FREE, status: 'CAPPED' }, { at: new Date(clock.now()) });
    expect(await sendAll(open({}, async () => undefined))).toEqual([
      ...['reply 1', 'known'],
      ...['stranger 1', 'stranger 2', null],
    ]);
  });

  it('is not written down by whoever has lost the account to another', async () => {
    const late = open(
      {},
      async () => ({ ...FREE, status: 'CAPPED' }),
      makeLeaseFence(() => undefined),
    );
    await late.mayLeave({ lane: 'stranger' });
    expect(await sendNext(open())).toBe('stranger 1');
  });

  it('holds at the claim as well', async () => {
    const pace = open();
    const next = await pace.findNext([]);
    await saveCapping(opened.db, accountId, { ...FREE, status: 'CAPPED' }, { at: new Date(clock.now()) });
    expect(await claim(pace, next)).toEqual({ kind: 'paced', delayMs: HOUR_MS });
  });
});
