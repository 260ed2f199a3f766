import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliServer, openCliServer } from '../../support/cli-server.ts';

let cli: CliServer;
beforeAll(async () => {
  cli = await openCliServer();
});
afterAll(() => cli[Symbol.asyncDispose]());

it('audit lists who changed what, newest first, by what it is asked for', async () => {
  expect((await cli.run(['audit'])).out).toBe('No changes.\n');
  const made = await cli.server.ask('POST', '/keys', { body: { name: 'Orders', role: 'agent' } });
  const { id } = made.body.data;
  await cli.server.ask('DELETE', `/keys/${id}`);
  const { code, out, error } = await cli.run(['audit']);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const [head, newest, oldest] = out.split('\n');
  expect(head).toMatch(/^TIME +WHO +ACTION +ABOUT +FROM +DETAILS$/);
  expect(newest).toMatch(new RegExp(`^\\d{4}-.* UTC +test \\(key\\) +revokeKey +${id} +127\\.0\\.0\\.1`));
  expect(oldest).toContain('createKey');
  const since = '2026-01-31T08:00:00Z';
  const asked = await cli.run(['audit', '--action', 'createKey', '--since', since, '--limit', '1', '--json']);
  expect(JSON.parse(asked.out)).toMatchObject([{ action: 'createKey', target: id }]);
  expect((await cli.run(['audit', '--until', since])).out).toBe('No changes.\n');
});

it('audit names what was typed wrong, and is not for agents', async () => {
  const { code, error } = await cli.run(['audit', '--since', 'yesterday', '--action', 'ö']);
  expect(code).toBe(2);
  expect(error).toMatch(/--action: .*\n {2}--since: /);
  expect((await cli.run(['audit', '--limit', '0'])).error).toContain('--limit: Use 1 to 100.');
  expect((await cli.run(['audit'], await cli.server.makeKey('agent'))).code).toBe(4);
});
