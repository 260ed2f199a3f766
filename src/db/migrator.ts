import { sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import pg from 'pg';
import { AppError, toError } from '../lib/errors.ts';
import { findSqlState } from './data-error.ts';
import { type Executor, readServerClock } from './database.ts';
import * as m0001 from './migrations/0001-create-accounts-and-messages.ts';
import * as m0002 from './migrations/0002-add-caught-up-to.ts';
import * as m0003 from './migrations/0003-add-session-events.ts';
import * as m0004 from './migrations/0004-add-vault.ts';
import * as m0005 from './migrations/0005-add-catch-up-ledger.ts';
import * as m0006 from './migrations/0006-add-account-pace.ts';
import * as m0007 from './migrations/0007-add-addresses-contacts-chats.ts';
import * as m0008 from './migrations/0008-add-poll-votes-and-edits.ts';
import * as m0009 from './migrations/0009-add-message-changes.ts';
import * as m0010 from './migrations/0010-add-tenant-settings.ts';
import * as m0011 from './migrations/0011-add-listing-indexes.ts';
import * as m0012 from './migrations/0012-add-media-leavings.ts';
import * as m0013 from './migrations/0013-drop-age-of-changes.ts';
import * as m0014 from './migrations/0014-add-access.ts';
import * as m0015 from './migrations/0015-add-change-feed.ts';
import * as m0016 from './migrations/0016-add-webhooks.ts';
import * as m0017 from './migrations/0017-add-campaigns.ts';
import * as m0018 from './migrations/0018-add-starts-of-webhooks.ts';
import * as m0019 from './migrations/0019-add-realtime-gaps.ts';
import * as m0020 from './migrations/0020-add-webhook-back.ts';
import * as m0021 from './migrations/0021-add-leases.ts';
import * as m0022 from './migrations/0022-add-profile-epoch.ts';
import * as m0023 from './migrations/0023-add-inbound-queues.ts';
import * as m0024 from './migrations/0024-add-profile-places.ts';
import * as m0025 from './migrations/0025-add-sealer-and-others-seen.ts';
import * as m0026 from './migrations/0026-add-feed-progress.ts';
import * as m0027 from './migrations/0027-add-earlier-secrets.ts';
import * as m0028 from './migrations/0028-judge-numbers-by-tenant.ts';
import * as m0029 from './migrations/0029-add-instances-of-keys.ts';
import * as m0030 from './migrations/0030-remember-last-number.ts';
import * as m0031 from './migrations/0031-add-statistics-of-kinds.ts';
import { requireServerVersion } from './server-version.ts';

/** SQLSTATE of a statement for which the role lacks the right. */
const FORBIDDEN = '42501';

const MIGRATIONS: Record<string, Migration> = {
  '0001-create-accounts-and-messages': m0001,
  '0002-add-caught-up-to': m0002,
  '0003-add-session-events': m0003,
  '0004-add-vault': m0004,
  '0005-add-catch-up-ledger': m0005,
  '0006-add-account-pace': m0006,
  '0007-add-addresses-contacts-chats': m0007,
  '0008-add-poll-votes-and-edits': m0008,
  '0009-add-message-changes': m0009,
  '0010-add-tenant-settings': m0010,
  '0011-add-listing-indexes': m0011,
  '0012-add-media-leavings': m0012,
  '0013-drop-age-of-changes': m0013,
  '0014-add-access': m0014,
  '0015-add-change-feed': m0015,
  '0016-add-webhooks': m0016,
  '0017-add-campaigns': m0017,
  '0018-add-starts-of-webhooks': m0018,
  '0019-add-realtime-gaps': m0019,
  '0020-add-webhook-back': m0020,
  '0021-add-leases': m0021,
  '0022-add-profile-epoch': m0022,
  '0023-add-inbound-queues': m0023,
  '0024-add-profile-places': m0024,
  '0025-add-sealer-and-others-seen': m0025,
  '0026-add-feed-progress': m0026,
  '0027-add-earlier-secrets': m0027,
  '0028-judge-numbers-by-tenant': m0028,
  '0029-add-instances-of-keys': m0029,
  '0030-remember-last-number': m0030,
  '0031-add-statistics-of-kinds': m0031,
};

const provider: MigrationProvider = { getMigrations: async () => MIGRATIONS };

/**
 * Brings the schema up to date. Two daemons may call it at the same moment: one applies, the other waits.
 * @throws AppError POSTGRES_UNFIT if the server is too old, the role lacks rights, or the schema is a newer Switchboard's
 */
export async function migrateToLatest(db: Executor): Promise<void> {
  requireServerVersion(await readServerClock(db));
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw await explainFailure(db, toError(error));
}

/** The error with its remedy, if it is one that has one. */
async function explainFailure(db: Executor, cause: Error): Promise<Error> {
  const message =
    findSqlState(cause) === FORBIDDEN ? await describeRights(db, cause.message) : await findNewerSchema(db);
  return message === undefined ? cause : new AppError('POSTGRES_UNFIT', { message, cause });
}

async function describeRights(db: Executor, problem: string): Promise<string> {
  const { rows } = await sql<{ role: string }>`select current_user as role`.execute(db);
  const role = pg.escapeIdentifier(String(rows[0]?.role));
  return (
    `The role ${role} of DATABASE_URL may not make its tables (${problem}). ` +
    `Have a superuser run there: GRANT USAGE, CREATE ON SCHEMA public TO ${role}; ` +
    `and, if the tables of an earlier role are there: REASSIGN OWNED BY that role TO ${role};`
  );
}

/** What is wrong, if migrations were applied that this Switchboard does not know. */
async function findNewerSchema(db: Executor): Promise<string | undefined> {
  const applied = await sql<{ name: string }>`select name from kysely_migration order by name`
    .execute(db)
    .catch(() => undefined);
  const unknown = applied?.rows.filter(({ name }) => !(name in MIGRATIONS)).map(({ name }) => name);
  if (unknown === undefined || unknown.length === 0) return undefined;
  return `The database was last used by a newer Switchboard (migrations: ${unknown.join(', ')}). Start the newer Switchboard again.`;
}
