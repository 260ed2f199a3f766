import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliServer, openCliServer } from '../../support/cli-server.ts';

let cli: CliServer;
beforeAll(async () => {
  cli = await openCliServer();
});
afterAll(() => cli[Symbol.asyncDispose]());

it('settings says how long messages are kept, and settings set changes that', async () => {
  expect(await cli.run(['settings'])).toEqual({ code: 0, out: 'Messages are kept for ever.\n', error: '' });
  const changed = await cli.run(['settings', 'set', '--retention-days', '365']);
  expect(changed.out).toBe('Messages are kept for 365 days.\n');
  expect(JSON.parse((await cli.run(['settings', 'show', '--json'])).out)).toEqual({ retentionDays: 365 });
  const back = await cli.run(['settings', 'set', '--retention-days', 'forever', '--json']);
  expect(JSON.parse(back.out)).toEqual({ retentionDays: null });
});

it('settings set names what was typed wrong, and is not for agents', async () => {
  for (const days of ['0', '36501', 'soon', '']) {
    const { code, error } = await cli.run(['settings', 'set', '--retention-days', days]);
    expect([code, error]).toEqual([2, expect.stringMatching(/--retention-days: .* 1 to 36500, or forever/)]);
  }
  expect((await cli.run(['settings', 'set'])).code).toBe(2);
  expect((await cli.run(['settings'], await cli.server.makeKey('agent'))).code).toBe(4);
});
