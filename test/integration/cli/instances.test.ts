import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type CliServer, openCliServer } from '../../support/cli-server.ts';
import { giveTo, insertRun } from '../../support/instance-rows.ts';

let cli: CliServer;
beforeAll(async () => {
  cli = await openCliServer();
});
afterAll(() => cli[Symbol.asyncDispose]());
beforeEach(() => cli.server.db.deleteFrom('instances').execute());

it('instances list shows what each holds and until when', async () => {
  expect((await cli.run(['instances', 'list'])).out).toBe('No instance has a lease.\n');
  const { db } = cli.server;
  await giveTo(db, await cli.server.makeAccount(), await insertRun(db, 'one', { draining: true }));
  const { code, out } = await cli.run(['instances', 'list']);
  const instant = '\\d{4}-\\S+ \\S+ UTC';
  expect(code).toBe(0);
  expect(out).toMatch(
    new RegExp(
      `^INSTANCE +SINCE +CAPACITY +ACCOUNTS +DRAINING +LEASE UNTIL\none +${instant} +10 +1 +yes +${instant}\n$`,
    ),
  );
  const [listed] = JSON.parse((await cli.run(['instances', 'list', '--json'])).out);
  expect(listed).toMatchObject({ id: 'one', accounts: 1, draining: true });
});

it('instances forget ends the lease of a dead one, and that of a live one only by force', async () => {
  const { db } = cli.server;
  await giveTo(db, await cli.server.makeAccount(), await insertRun(db, 'dead', { renewedAt: new Date(0) }));
  const forgotten = await cli.run(['instances', 'forget', 'dead']);
  expect(forgotten).toEqual({ code: 0, out: 'Forgotten: dead. Accounts that are free: 1.\n', error: '' });
  await insertRun(db, 'alive');
  const refused = await cli.run(['instances', 'forget', 'alive']);
  expect(refused.code).not.toBe(0);
  expect(refused.error).toContain('It has renewed its lease');
  const forced = await cli.run(['instances', 'forget', 'alive', '--force', '--json']);
  expect(JSON.parse(forced.out)).toEqual({ id: 'alive', forgotten: true, accounts: 0 });
  expect((await cli.run(['instances', 'forget', 'alive'])).code).toBe(5);
});

it('instances are not for agents, nor for other tenants', async () => {
  for (const key of [await cli.server.makeKey('agent'), await cli.server.makeKey('owner', 'shop')]) {
    expect((await cli.run(['instances', 'list'], key)).code).toBe(4);
    expect((await cli.run(['instances', 'forget', 'any', '--force'], key)).code).toBe(4);
  }
  expect((await cli.run(['instances', 'forget', ''])).error).toContain('<instance>: Use 1 to 64 characters.');
});
