import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import { type Addition, isSeen } from './ingest-additions.ts';
import { recordset } from './recordset.ts';

/** Where the additions of a kind lie: of each person one a message, the latest. */
const TABLES = {
  reaction: {
    name: 'message_reactions',
    person: 'sender_id',
    value: 'emoji',
    type: 'text',
    at: 'reacted_at',
    // How long it is there tells whether one that the page lacks was taken back: see reconcile.ts.
    touched: sql`, stored_at = clock_timestamp()`,
  },
  vote: {
    name: 'poll_votes',
    person: 'voter_id',
    value: 'options',
    type: 'jsonb',
    at: 'voted_at',
    touched: sql``,
  },
} as const;

/** What came of additions. */
export interface WrittenAdditions {
  /** How many were news, though it be of their time alone. */
  readonly count: number;
  /** Those by which a message shows something else than before. */
  readonly seen: ReadonlySet<Addition>;
}

interface WrittenRow<Value> {
  readonly message_id: string;
  readonly person_id: string;
  /** What the message showed of the person before; null if nothing was ever there. */
  readonly value: Value | null;
  readonly at: Date | null;
}

/**
 * Writes the latest reaction and the latest vote of each person. One that was taken back stays as a row that says nothing, so
 * that an older one that is told later does not come to life again. Ask with the account's ingest locked.
 */
export async function upsertAdditions(
  trx: Executor,
  accountId: AccountId,
  additions: readonly Addition[],
): Promise<WrittenAdditions> {
  const seen = new Set<Addition>();
  let count = 0;
  for (const kind of ['reaction', 'vote'] as const) {
    const latest = new Map<string, Addition>();
    const ofKind = additions.filter((each) => each.kind === kind);
    for (const each of ofKind.sort((a, b) => a.at.getTime() - b.at.getTime()))
      latest.set(`${each.messageId} ${each.personId}`, each);
    if (latest.size === 0) continue;
    const rows = await upsertKind(trx, accountId, kind, [...latest.values()]);
    count += rows.length;
    for (const { message_id, person_id, value, at } of rows) {
      const written = latest.get(`${message_id} ${person_id}`);
      if (written !== undefined && isSeen(written, at === null ? undefined : { value, at }))
        seen.add(written);
    }
  }
  return { count, seen };
}

/** The rows that were written, each with what the message showed of that person before, under whichever of their addresses. */
async function upsertKind(
  trx: Executor,
  accountId: AccountId,
  kind: Addition['kind'],
  additions: readonly Addition[],
): Promise<readonly WrittenRow<Addition['value']>[]> {
  const { name, type, touched, ...columns } = TABLES[kind];
  const [person, value, at] = [columns.person, columns.value, columns.at].map((each) => sql.ref(each));
  const given = additions.map((each) => ({
    message_id: each.messageId,
    person_id: each.personId,
    value: each.value,
    at: each.at,
  }));
  const givenColumns = { message_id: 'uuid', person_id: 'text', value: type, at: 'timestamptz' };
  const { rows } = await sql<WrittenRow<Addition['value']>>`
    with given as (select r.* from ${recordset(given, givenColumns)}),
    before as (
      select g.message_id, g.person_id, o.* from given g cross join lateral (
        select ${value} as value, ${at} as at from ${sql.table(name)} o
        where o.message_id = g.message_id and (${person} = g.person_id or exists (
          select from addresses a
          where a.account_id = ${accountId}::uuid and a.lid = ${person} and a.phone = g.person_id))
        order by ${at} desc limit 1
      ) o
    ),
    written as (
      insert into ${sql.table(name)} as old (message_id, account_id, ${person}, ${value}, ${at})
      select message_id, ${accountId}::uuid, person_id, value, at from given
      on conflict (message_id, ${person}) do update
      set ${value} = excluded.${value}, ${at} = excluded.${at} ${touched}
      where excluded.${at} >= old.${at} and (excluded.${at}, excluded.${value}) is distinct from (old.${at}, old.${value})
      returning message_id, ${person} as person_id
    )
    select w.message_id, w.person_id, b.value, b.at from written w
    left join before b on b.message_id = w.message_id and b.person_id = w.person_id`.execute(trx);
  return rows;
}
