/** What an import does to an account, and what somebody else has done to it meanwhile. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountStore } from '../../../src/accounts/account.ts';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import {
  type Admitted,
  admitAccount,
  isImportWanted,
  saveImported,
  takeImportBack,
} from '../../../src/db/account-import.ts';
import { markAccountDeleted, purgeAccount } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { openTestDatabase } from '../../support/database.ts';
import { importedAccount } from '../../support/imported-session.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { giveTo, insertRun } from '../../support/instance-rows.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
const GENERATION = 7;

const stack = new AsyncDisposableStack();
let db: Executor;
let store: AccountStore;
let runs: { readonly here: number; readonly there: number };

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log, poolSize: 3 })).db;
  store = makeAccountStore(db);
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('instances').execute();
  runs = { here: await insertRun(db, HERE), there: await insertRun(db, THERE) };
});

async function admit(id: AccountId): Promise<Admitted> {
  const admission = await admitAccount(db, importedAccount(id, HERE));
  return typeof admission === 'string' ? expect.fail(`It is ${admission}.`) : admission;
}

/** What an import may find, each with the account as it was admitted. */
const FOUND: Readonly<Record<Admitted['as'], () => Promise<Admitted>>> = {
  created: () => admit(makeAccountId()),
  revived: async () => {
    const id = await insertTestAccount(db);
    await markAccountDeleted(db, id);
    return await admit(id);
  },
  present: async () => await admit(await insertTestAccount(db)),
};

const link = (id: AccountId) =>
  store.saveLinked(id, { wid: `${id}@c.us`, phoneNumber: null, profileName: 'Theirs' });

/** As a disconnection does that somebody asks for. */
async function disconnect(id: AccountId): Promise<void> {
  await store.saveOver(id, HERE);
  await store.saveRest(id, { reason: 'user_disconnected' });
}

/** What somebody else may have done with it since. */
const SINCE: Readonly<Record<string, (id: AccountId) => Promise<unknown>>> = {
  'another instance holds it': (id) => giveTo(db, id, runs.there),
  'another instance had it': async (id) => {
    await giveTo(db, id, runs.there);
    await giveTo(db, id, null);
  },
  'another instance takes it in too': (id) => admitAccount(db, importedAccount(id, THERE)),
  'somebody wants it connected': (id) => store.saveStart(id, HERE),
  'it is connected': link,
  'it was connected, and its link has ended': async (id) => {
    await store.saveStart(id, HERE);
    await link(id);
    await disconnect(id);
  },
  'it was deleted': (id) => markAccountDeleted(db, id),
  'it was purged': (id) => purgeAccount(db, id),
};
const EACH_CASE = (Object.keys(FOUND) as Admitted['as'][]).flatMap((found) =>
  Object.entries(SINCE).map(([since, happen]) => [found, since, happen] as const),
);

const rowOf = (id: AccountId) =>
  db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();

describe.each(EACH_CASE)(
  'an account that an import has admitted as %s, where since %s',
  (found, _since, happen) => {
    it('is not linked by it any more, nor taken back', async () => {
      const admitted = await FOUND[found]();
      await happen(admitted.id);
      const before = await rowOf(admitted.id);
      expect(await saveImported(db, admitted)).toBe(false);
      expect(await takeImportBack(db, admitted, GENERATION)).toBe(false);
      expect(await rowOf(admitted.id)).toEqual(before);
    });
  },
);

describe.each(Object.keys(FOUND) as Admitted['as'][])(
  'an account that an import has admitted as %s',
  (found) => {
    it('is linked by it once, whether there are leases or none', async () => {
      const admitted = await FOUND[found]();
      expect(await saveImported(db, admitted)).toBe(true);
      expect(await store.getAccount(admitted.id)).toMatchObject({ linked: true, phoneNumber: null });
      expect(await saveImported(db, admitted)).toBe(false);
      await giveTo(db, admitted.id, runs.here);
      expect(await takeImportBack(db, admitted, GENERATION)).toBe(true);
    });

    it('is as it was once it is taken back, and what was sealed counts no more', async () => {
      for (const isSaved of [true, false]) {
        const admitted = await FOUND[found]();
        if (isSaved) await saveImported(db, admitted);
        expect(await takeImportBack(db, admitted, GENERATION)).toBe(true);
        const row = await rowOf(admitted.id);
        if (found === 'created') expect(row).toBeUndefined();
        else expect(row).toMatchObject({ linked: false, vault_wiped_through: String(GENERATION) });
        expect(row?.deleted_at instanceof Date).toBe(found === 'revived');
      }
    });

    it('and linked is owed a start once it is to be connected', async () => {
      const admitted = await FOUND[found]();
      await saveImported(db, admitted);
      expect(await isImportWanted(db, admitted)).toBe(false);
      await store.saveStart(admitted.id, HERE);
      expect(await isImportWanted(db, admitted)).toBe(true);
      await giveTo(db, admitted.id, runs.there);
      expect(await isImportWanted(db, admitted)).toBe(false);
    });

    it.each(Object.entries(SINCE).filter(([since]) => since !== 'another instance takes it in too'))(
      'and linked is not taken back where since %s',
      async (_since, happen) => {
        const admitted = await FOUND[found]();
        await saveImported(db, admitted);
        await happen(admitted.id);
        const before = await rowOf(admitted.id);
        expect(await takeImportBack(db, admitted, GENERATION)).toBe(false);
        expect(await rowOf(admitted.id)).toEqual(before);
      },
    );
  },
);

it('an account that was refused a link once may be taken in again', async () => {
  const first = await FOUND.present();
  await disconnect(first.id);
  expect(await saveImported(db, first)).toBe(false);
  expect(await saveImported(db, await admit(first.id))).toBe(true);
});
