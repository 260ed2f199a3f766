import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { type ColumnTypes, recordset } from '../../../src/db/recordset.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

let database: TestDatabase;
let opened: OpenDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: silentLog });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

async function readBack(rows: readonly object[], columns: ColumnTypes): Promise<readonly unknown[]> {
  const result = await sql`select r.* from ${recordset(rows, columns)}`.execute(opened.db);
  return result.rows;
}

const TEXT = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', 'NULL', 'null', '{}', '{a,b}', '"', '\\', '\\"', ' ', ',', '\n', "'"),
  )
  .map((text) => text.replaceAll('\0', ''));
const ROW = fc.record({
  n: fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
  text: fc.option(TEXT),
  at: fc.option(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })),
  is: fc.option(fc.boolean()),
  json: fc.option(fc.oneof(fc.dictionary(fc.constantFrom('a', 'b'), TEXT), fc.array(TEXT), TEXT)),
  nothing: fc.constant(null),
});

it('holds every value as it was given, in the order of the rows', async () => {
  const columns = {
    n: 'integer',
    text: 'text',
    at: 'timestamptz',
    is: 'boolean',
    json: 'jsonb',
    nothing: 'text',
  };
  await fc.assert(
    fc.asyncProperty(fc.array(ROW, { maxLength: 5 }), async (rows) => {
      expect(await readBack(rows, columns)).toEqual(rows.map((row) => ({ ...row })));
    }),
  );
});

it('takes what is missing for null', async () => {
  const rows = [{ n: 1, text: 'a' }, { n: 2, text: undefined }, { n: 3 }];
  expect(await readBack(rows, { n: 'integer', text: 'text' })).toEqual([
    { n: 1, text: 'a' },
    { n: 2, text: null },
    { n: 3, text: null },
  ]);
});

it('keeps values apart that are not of the type of their column', async () => {
  const rows = [
    { text: ['a,b', '"'] },
    { text: { a: '}' } },
    { text: 1.5 },
    { text: true },
    { text: 'last' },
  ];
  expect(await readBack(rows, { text: 'text' })).toEqual(
    ['["a,b","\\""]', '{"a":"}"}', '1.5', 'true', 'last'].map((text) => ({ text })),
  );
  expect(await readBack([{ n: 1, at: new Date(Number.NaN) }], { n: 'integer', at: 'timestamptz' })).toEqual([
    { n: 1, at: null },
  ]);
});

it('has only the columns that are asked for', async () => {
  expect(await readBack([{ n: 1, text: 'a' }], { text: 'text' })).toEqual([{ text: 'a' }]);
});
