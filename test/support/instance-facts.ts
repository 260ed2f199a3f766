import type { Executor } from '../../src/db/database.ts';
import type { JudgedAccount } from './ground-truth.ts';
import type { Instance, InstanceStage } from './instance-stage.ts';
import { untilFound } from './patient-look.ts';

/** Who holds an account, and how it is, as the database has it. */
export interface AccountFact {
  readonly accountId: string;
  readonly state: string;
  readonly since: Date;
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
      'a.state_since as since',
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
): Promise<{ run: string; leaseUntil: Date } | undefined> {
  return await db
    .selectFrom('instances')
    .select(['run', 'lease_until as leaseUntil'])
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

/** How often each account has logged in, by its id. */
export type Logins = ReadonlyMap<string, number>;

export async function countLogins(accounts: readonly JudgedAccount[]): Promise<Logins> {
  const entries = accounts.map(async ({ accountId, phone }) => {
    const { devices } = await phone.view();
    return [accountId, devices.reduce((sum, { logins }) => sum + logins, 0)] as const;
  });
  return new Map(await Promise.all(entries));
}

/**
 * Resolves when every account is connected on an instance that is none of `except`, with one browser that WhatsApp sees, and
 * has logged in more often than `before` says of it.
 */
export function untilServed(
  { db }: InstanceStage,
  accounts: readonly JudgedAccount[],
  {
    except = [],
    before = new Map(),
  }: { readonly except?: readonly Instance[]; readonly before?: Logins } = {},
): Promise<AccountFact[]> {
  const away = except.map(({ id }) => id);
  let missing: string[] = [];
  const look = async () => {
    const facts = await listFacts(db);
    const logins = await countLogins(accounts);
    const lines = await countLines(accounts);
    missing = facts.flatMap(({ accountId, state, holder }) => {
      const isHeld = holder !== null && !away.includes(holder);
      const isNew = (logins.get(accountId) ?? 0) > (before.get(accountId) ?? 0);
      const isServed = isHeld && state === 'connected' && isNew && lines.get(accountId) === 1;
      return isServed ? [] : [`${accountId}: ${state} on ${holder}, ${logins.get(accountId)} logins`];
    });
    return missing.length === 0 ? facts : undefined;
  };
  return untilFound('The connection of every account', look).catch((thrown: unknown) => {
    throw new Error(missing.join('\n'), { cause: thrown });
  });
}

async function countLines(accounts: readonly JudgedAccount[]): Promise<ReadonlyMap<string, number>> {
  const entries = accounts.map(async ({ accountId, phone }) => {
    const { devices } = await phone.view();
    return [accountId, devices.reduce((sum, { lines }) => sum + lines, 0)] as const;
  });
  return new Map(await Promise.all(entries));
}

/** How many accounts each instance holds, by its name. */
export function countHeld(facts: readonly AccountFact[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { holder } of facts) if (holder !== null) counts[holder] = (counts[holder] ?? 0) + 1;
  return counts;
}

/** States that an instance has written into the history of accounts. */
export async function countStates(db: Executor, { id }: Instance): Promise<number> {
  const { count } = await db
    .selectFrom('session_events')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('instance_id', '=', id)
    .executeTakeFirstOrThrow();
  return Number(count);
}
