import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { type CliServer, openCliServer } from '../../support/cli-server.ts';

const PHONE = '+491700000001';

let cli: CliServer;
let account: AccountId;
beforeAll(async () => {
  cli = await openCliServer();
  account = await cli.server.makeAccount({ phoneNumber: PHONE });
});
afterAll(() => cli[Symbol.asyncDispose]());

async function makeKey(name: string): Promise<{ readonly id: string; readonly key: string }> {
  return (await cli.server.ask('POST', '/keys', { body: { name, role: 'agent' } })).body.data;
}

it('grants add lets a key use an account by its name, and grants remove ends that', async () => {
  const { id, key } = await makeKey('Orders');
  const seen = async () => (await cli.server.ask('GET', `/accounts/${account}`, { key })).status;
  expect(await seen()).toBe(404);
  const added = await cli.run(['grants', 'add', PHONE, '--key', 'Orders']);
  expect(added).toEqual({ code: 0, out: `Granted: account ${account} to Orders.\n`, error: '' });
  expect(await seen()).toBe(200);
  const listed = await cli.run(['grants', 'list', PHONE]);
  expect(listed.out).toMatch(new RegExp(`^USER +KEY +GRANTED BY +AT\n${id} +Orders +test +\\d{4}-.* UTC\n$`));
  const removed = await cli.run(['grants', 'remove', PHONE, id, '--json']);
  expect(JSON.parse(removed.out)).toEqual({ accountId: account, userId: id, granted: false });
  expect(await seen()).toBe(404);
});

it('grants add takes a user as the token has it, and says to whom an account was granted', async () => {
  expect((await cli.run(['grants', 'list', PHONE])).out).toBe(
    'Granted to nobody: owners and admins alone use it.\n',
  );
  expect((await cli.run(['grants', 'add', PHONE, 'ada@shop.example/x'])).code).toBe(0);
  const [granted] = JSON.parse((await cli.run(['grants', 'list', account, '--json'])).out);
  expect(granted).toMatchObject({ userId: 'ada@shop.example/x' });
  await cli.run(['grants', 'remove', PHONE, 'ada@shop.example/x']);
});

it('grants name what was typed wrong, and are not for agents', async () => {
  for (const args of [[], ['ada', '--key', 'Orders']]) {
    const { code, error } = await cli.run(['grants', 'add', PHONE, ...args]);
    expect([code, error]).toEqual([2, expect.stringContaining('[user]: Give either a user or --key.')]);
  }
  const { code, error } = await cli.run(['grants', 'add', PHONE, 'x'.repeat(256)]);
  expect([code, error]).toEqual([2, expect.stringContaining('[user]: ')]);
  expect((await cli.run(['grants', 'add', PHONE, '--key', 'Nobody'])).code).toBe(5);
  expect((await cli.run(['grants', 'list', account], await cli.server.makeKey('agent'))).code).toBe(4);
});
