/** What PostgreSQL does for the statements of the sender, with its own settings, once there is much of everything. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { isMessage } from '../../../src/db/message-lookup.ts';
import { findOpenSince, listHandedAt, listUnsettled } from '../../../src/db/outbox-store.ts';
import { listFirstOfLanes, PACE_WINDOW_MS, readPace, saveCapping } from '../../../src/db/pace-store.ts';
import { isFirstOfChat } from '../../../src/db/sendable.ts';
import type { Capping } from '../../../src/limits/capping.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { insertManyMessages, type ManyMessages } from '../../support/many-messages.ts';
import { type ExaminedStatement, StatementExaminer } from '../../support/query-plan.ts';
import { scaled } from '../../support/scale.ts';
import { findNextToSend } from '../../support/single-messages.ts';

const COUNT = scaled(100_000, 5_000_000);
const MONTHS = scaled(24, 60);
/** So long filling the database may take on a machine that is busy. */
const FILLING_MS = scaled(120_000, 3_600_000);
/** Messages that wait: those of a day, and far more that are deferred. */
const WAITING = 1_000;
const DEFERRED = 10_000;
/** Handed over, without a word from the server. */
const UNSETTLED = 3_000;
const LIMIT = 50;
/** Partitions of the months from yesterday's on, those ahead, and the default one. */
const FEW = 6;
const NOW = new Date();
const PACING = { warmup: true, jitter: true, breaker: true };

const stack = new AsyncDisposableStack();
let account: AccountId;
let since: Date;
let examiner: StatementExaminer;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  examiner = stack.use(new StatementExaminer(database.connection));
  const { db } = examiner;
  const accounts: ManyMessages = {
    large: await insertTestAccount(db),
    sending: await insertTestAccount(db),
    small: await insertTestAccount(db),
  };
  account = accounts.sending;
  await insertManyMessages(db, accounts, { count: COUNT, months: MONTHS, now: NOW });
  await insertOpen({ status: 'pending', count: UNSETTLED, chat: '4914', handedAt: NOW });
  await insertOpen({ status: 'pending', count: WAITING, chat: '4915', handedAt: null });
  await insertOpen({ status: 'deferred', count: DEFERRED, chat: '4916', handedAt: null });
  await sql`vacuum analyze`.execute(db);
  since = await findOpenSince(db, account, { now: NOW.getTime(), handedMs: PACE_WINDOW_MS });
}, FILLING_MS);
afterAll(() => stack.disposeAsync());

/** One message a chat, of people who never wrote. */
async function insertOpen(of: {
  readonly status: 'pending' | 'deferred';
  readonly count: number;
  readonly chat: string;
  readonly handedAt: Date | null;
}): Promise<void> {
  const { status, count, chat, handedAt } = of;
  await sql`
    insert into messages (id, account_id, chat_id, direction, type, text, status, "timestamp", handed_at, slot_date)
    select
      (lpad(to_hex(${NOW.getTime()}::bigint), 12, '0') || '7000' || '9' || ${chat.slice(1)}::text || lpad(i::text, 12, '0'))::uuid,
      ${account}::uuid, ${chat}::text || (10000000 + i) || '@c.us', 'outgoing', 'text', 'waits', ${status},
      ${NOW}, ${handedAt}::timestamptz,
      case ${status} when 'pending' then (${NOW}::timestamptz at time zone 'UTC')::date end
    from generate_series(1, ${count}::integer) i`.execute(examiner.db);
}

/** Those that look into more partitions, or at more rows. */
function listLarge(statements: readonly ExaminedStatement[], rows: number): readonly ExaminedStatement[] {
  return statements.filter(({ examined, partitions }) => examined > rows || partitions.length > FEW);
}

describe(`of ${COUNT} messages`, () => {
  it('how far back those that wait reach is found without looking at them', async () => {
    const { answer, statements } = await examiner.examine((db) =>
      findOpenSince(db, account, { now: NOW.getTime(), handedMs: PACE_WINDOW_MS }),
    );
    expect(NOW.getTime() - answer.getTime()).toBeLessThan(33 * 86_400_000);
    expect(statements.filter(({ examined }) => examined > 3 * (UNSETTLED + LIMIT))).toEqual([]);
  });

  it('little is examined to find the next one to send', async () => {
    const { answer, statements } = await examiner.examine((db) =>
      findNextToSend(db, account, [], { at: NOW, since }),
    );
    expect(answer?.chatId).toBe('491510000001@c.us');
    expect(listLarge(statements, 10)).toEqual([]);
  });

  it('those that wait alone are examined while all of them have to', async () => {
    const { db } = examiner;
    const capping: Capping = {
      status: 'CAPPED',
      cycleEndsAt: NOW.getTime() + 3_600_000,
      timelockedUntil: null,
    };
    await saveCapping(db, account, capping, { at: NOW });
    const { answer, statements } = await examiner.examine(() =>
      findNextToSend(db, account, [], { at: NOW, since }),
    );
    expect(answer).toBeUndefined();
    expect(listLarge(statements, 3 * WAITING)).toEqual([]);
    await saveCapping(db, account, { ...capping, status: 'NONE', cycleEndsAt: null }, { at: NOW });
  });

  it('those that wait alone are examined to find the first of each lane', async () => {
    const { answer, statements } = await examiner.examine((db) =>
      listFirstOfLanes(db, account, { blockedChats: [], at: NOW, since }),
    );
    expect(answer).toHaveLength(1);
    expect(listLarge(statements, 3 * WAITING)).toEqual([]);
  });

  it('no more than the limit a minute is examined for it', async () => {
    const { answer, statements } = await examiner.examine((db) =>
      listHandedAt(db, account, {
        after: new Date(NOW.getTime() - 60_000),
        until: new Date(NOW.getTime() + 60_000),
        limit: LIMIT,
        since,
      }),
    );
    expect(answer).toHaveLength(LIMIT);
    expect(listLarge(statements, 3 * LIMIT)).toEqual([]);
  });

  it('those of a day alone are examined for the pace', async () => {
    const { statements } = await examiner.examine((db) =>
      readPace(db, account, { pacing: PACING, at: NOW, since }),
    );
    expect(listLarge(statements, 3 * (UNSETTLED + LIMIT))).toEqual([]);
  });

  it('little is examined to see that one is the first of its chat', async () => {
    const message = await findNextToSend(examiner.db, account, [], { at: NOW, since });
    if (message === undefined) throw new Error('Nothing waits.');
    const { answer, statements } = await examiner.examine((db) =>
      db
        .selectFrom('messages')
        .select('id')
        .where(isMessage(message.id))
        .where(isFirstOfChat(message.chatId, since))
        .execute(),
    );
    expect(answer).toHaveLength(1);
    expect(listLarge(statements, 10)).toEqual([]);
  });

  it.each([0, 60_000])(
    'a page of those without an outcome is read alone (from an age of %i ms)',
    async (minAgeMs) => {
      const now = NOW.getTime() + minAgeMs;
      const found: string[] = [];
      let after: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof listUnsettled>> = await listUnsettled(
          examiner.db,
          account,
          { now, minAgeMs },
          { after, limit: LIMIT },
        );
        found.push(...page.messages.map(({ id }) => id));
        after = page.next;
      } while (after !== null);
      expect(new Set(found).size).toBe(found.length);
      expect(found.length).toBeGreaterThanOrEqual(UNSETTLED);
      const { statements } = await examiner.examine((db) =>
        listUnsettled(db, account, { now, minAgeMs }, { after: null, limit: LIMIT }),
      );
      expect(statements.filter(({ examined }) => examined > 3 * LIMIT)).toEqual([]);
    },
  );
});
