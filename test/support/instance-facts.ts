import { sql } from 'kysely';
import type { Executor } from '../../src/db/database.ts';
import type { JudgedAccount } from './ground-truth.ts';
import type { Instance, InstanceStage } from './instance-stage.ts';
import { untilFound } from './patient-look.ts';

/** Who holds an account, and how it is, as the database has it. */
export interface AccountFact {
  readonly accountId: string;
  readonly state: string;
  readonly epoch: string | null;
  readonly run: string | null;
  /** The instance of that run; null if nobody holds the account. */
  readonly holder: string | null;
}

/** Of all accounts, in their order. */
export async function listFacts(db: Executor): Promise<AccountFact[]> {
  return await db
    .selectFrom('accounts as a')
    .leftJoin('instances as i', 'i.run', 'a.lease_run')
    .select([
      'a.id as accountId',
      'a.state',
      'a.lease_epoch as epoch',
      'a.lease_run as run',
      'i.instance_id as holder',
    ])
    .orderBy('a.created_at')
    .orderBy('a.id')
    .execute();
}

export async function findRun(
  db: Executor,
  { id }: Instance,
): Promise<{ run: string; startedAt: Date; leaseUntil: Date } | undefined> {
  return await db
    .selectFrom('instances')
    .select(['run', 'started_at as startedAt', 'lease_until as leaseUntil'])
    .where('instance_id', '=', id)
    .executeTakeFirst();
}

/** Resolves when the instance has entered a run after that one. */
export function untilEntered({ db }: InstanceStage, instance: Instance, after: string): Promise<string> {
  return untilFound(`A run of ${instance.id} after ${after}`, async () => {
    const found = await findRun(db, instance);
    return found !== undefined && Number(found.run) > Number(after) ? found.run : undefined;
  });
}

/** Resolves when the run is over, as everybody can see. */
export function untilOver({ db }: InstanceStage, run: string): Promise<true> {
  return untilFound(`The end of run ${run}`, async () => {
    const found = await db.selectFrom('instances').select('run').where('run', '=', run).executeTakeFirst();
    return found === undefined || undefined;
  });
}

/** Resolves when nothing is dealt to the instance any more, since it stops. */
export function untilDraining({ db }: InstanceStage, { id }: Instance): Promise<true> {
  return untilFound(`The drain of ${id}`, async () => {
    const query = db.selectFrom('instances').select('draining').where('instance_id', '=', id);
    return (await query.executeTakeFirst())?.draining || undefined;
  });
}

/** Resolves when the instance has taken one of these accounts. */
export function untilTaken(
  { db }: InstanceStage,
  { id }: Instance,
  accountIds: ReadonlySet<string>,
): Promise<true> {
  return untilFound(`The taking of an account by ${id}`, async () => {
    const facts = await listFacts(db);
    return facts.some(({ accountId, holder }) => holder === id && accountIds.has(accountId)) || undefined;
  });
}

/** The time of PostgreSQL, by which it dates what it stores. */
export async function readTime(db: Executor): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('PostgreSQL tells no time.');
  return row.now;
}

/** When another instance first began a session of one of these accounts, after `since`. */
export async function findTaking(
  db: Executor,
  { of, except, since }: { readonly of: readonly string[]; readonly except: Instance; readonly since: Date },
): Promise<Date | undefined> {
  const row = await db
    .selectFrom('session_events')
    .select('at')
    .where('account_id', 'in', of)
    .where('instance_id', '!=', except.id)
    .where('state', '=', 'starting')
    .where('at', '>', since)
    .orderBy('at')
    .executeTakeFirst();
  return row?.at;
}

/** Resolves when the instance says that it has all of its stores, or that it has not. */
export function untilReady(instance: Instance, isReady: boolean): Promise<true> {
  return untilFound(`${isReady ? 'Readiness' : 'No readiness'} of ${instance.id}`, async () => {
    const { ok } = await fetch(`${instance.daemon().url}/ready`);
    return ok === isReady || undefined;
  });
}

/** What WhatsApp sees of an account's linked device: how often it has logged in, and its browsers at this moment. */
export interface Presence {
  readonly logins: number;
  readonly lines: number;
}

/** Of each account, by its id. */
export async function listPresences(
  accounts: readonly JudgedAccount[],
): Promise<ReadonlyMap<string, Presence>> {
  const entries = accounts.map(async ({ accountId, phone }) => {
    const { devices } = await phone.view();
    const [{ logins, lines } = { logins: 0, lines: 0 }] = devices;
    return [accountId, { logins, lines }] as const;
  });
  return new Map(await Promise.all(entries));
}

/**
 * Resolves when every account is connected on an instance that is none of `except`, with one browser that WhatsApp sees;
 * those of `anew` have logged in since `before`.
 */
export async function untilServed(
  { db }: InstanceStage,
  accounts: readonly JudgedAccount[],
  {
    except = [],
    before = new Map(),
    anew = [],
  }: {
    readonly except?: readonly Instance[];
    readonly before?: ReadonlyMap<string, Presence>;
    readonly anew?: readonly string[];
  } = {},
): Promise<readonly AccountFact[]> {
  const away = except.map(({ id }) => id);
  let missing: readonly string[] = [];
  const look = async () => {
    const facts = await listFacts(db);
    const presences = await listPresences(accounts);
    missing = facts.flatMap(({ accountId, state, holder }) => {
      const { logins = 0, lines = 0 } = presences.get(accountId) ?? {};
      const isHeld = holder !== null && !away.includes(holder);
      const isBack = !anew.includes(accountId) || logins > (before.get(accountId)?.logins ?? 0);
      const isServed = isHeld && isBack && state === 'connected' && lines === 1;
      return isServed ? [] : [`${accountId} is ${state} on ${holder}, with ${lines} browsers`];
    });
    return missing.length === 0 ? facts : undefined;
  };
  try {
    return await untilFound('The connection of every account', look);
  } catch (thrown) {
    throw new Error(`Not every account is served: ${missing.join('; ')}`, { cause: thrown });
  }
}

/** How many accounts each instance holds, by its name. */
export function countHeld(facts: readonly AccountFact[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { holder } of facts) if (holder !== null) counts[holder] = (counts[holder] ?? 0) + 1;
  return counts;
}

/**
 * What is stored of how accounts are that stands still while nothing befalls their sessions, whatever is sent and received: a
 * state, a link or a code that anybody wrote late shows here, whoever's it is said to be.
 */
export async function listStill(db: Executor) {
  return await db
    .selectFrom('accounts as a')
    .select(['id', 'state', 'state_since', 'reason', 'last_error', 'wanted', 'instance_id', 'lease_run'])
    .select(['lease_epoch', 'linked', 'wid', 'phone_number', 'last_phone_number', 'profile_name'])
    .select(['first_linked_at', 'last_connected_at', 'last_disconnected_at', 'qr', 'qr_expires_at'])
    .select(['pairing_code', 'pairing_code_expires_at', 'profile_epoch', 'vault_wiped_through'])
    .select(({ selectFrom }) =>
      selectFrom('session_events as e')
        .select(({ fn }) => fn.max('e.id').as('last'))
        .whereRef('e.account_id', '=', 'a.id')
        // The others tell of what is sent.
        .where('e.kind', 'in', ['state', 'alert'])
        .as('last_event'),
    )
    .orderBy('id')
    .execute();
}

/** What an instance has handed over and sealed of accounts that it does not hold. */
export async function listWork(db: Executor, { id }: Instance): Promise<string[]> {
  const { rows } = await sql<{ work: string }>`
    with others as (
      select id from accounts where not exists (
        select from instances i where i.run = accounts.lease_run and i.instance_id = ${id})
    )
    select concat_ws(' ', 'message', m.id, m.claim_epoch, m.handed_at) as work
    from messages m join others on others.id = m.account_id where m.claimed_by = ${id}
    union all
    select concat_ws(' ', 'snapshot', s.account_id, s.generation, s.sealed_at)
    from vault_snapshots s join others on others.id = s.account_id where s.sealed_by = ${id}`.execute(db);
  return rows.map(({ work }) => work);
}
