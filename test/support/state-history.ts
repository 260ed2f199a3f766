import type { AccountId } from '../../src/accounts/ids.ts';
import { nextState, SESSION_FACTS, type SessionFact } from '../../src/accounts/session-machine.ts';
import { parseSessionState, type SessionState } from '../../src/accounts/state.ts';
import type { Executor } from '../../src/db/database.ts';

const FACTS = Object.keys(SESSION_FACTS) as SessionFact[];

/**
 * What is wrong with an account's history, as sentences; none if it begins with a new account, each step in it is one of
 * the state machine's, and its last entry is what the account says of itself.
 */
export async function findFalseSteps(db: Executor, accountId: AccountId): Promise<string[]> {
  const { state, reason } = await db
    .selectFrom('accounts')
    .select(['state', 'reason'])
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow();
  const rows = await db
    .selectFrom('session_events')
    .select(['state', 'reason'])
    .where('account_id', '=', accountId)
    .where('kind', '=', 'state')
    .orderBy('id')
    .execute();
  const entries = [{ state: 'registered', reason: null }, ...rows];
  const steps = entries.slice(1).flatMap((entry, at) => {
    const [from, to] = [entries[at]?.state, entry.state].map((each) => parseSessionState(String(each)));
    if (from === undefined || to === undefined || isStep(from, to)) return [];
    return [`${accountId}: no fact leads from ${from} to ${to} (${entry.reason}), entry ${at + 1}`];
  });
  const last = entries.at(-1);
  if (last?.state === state && last.reason === reason) return steps;
  return [
    ...steps,
    `${accountId} is ${state} (${reason}), its history ends with ${last?.state} (${last?.reason})`,
  ];
}

function isStep(from: SessionState, to: SessionState): boolean {
  return FACTS.some((fact) => nextState(from, fact) === to);
}

/** The same of every account in the database. */
export async function findAllFalseSteps(db: Executor): Promise<string[]> {
  const accounts = await db.selectFrom('accounts').select('id').orderBy('id').execute();
  const found: string[] = [];
  for (const { id } of accounts) found.push(...(await findFalseSteps(db, id as AccountId)));
  return found;
}
