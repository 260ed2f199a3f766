import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { ApiClient } from '../../../src/cli/api-client.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { makeCampaignProgress } from '../../support/campaign-progress.ts';
import { type CliServer, openCliServer } from '../../support/cli-server.ts';
import { data, failure, openFakeDaemon } from '../../support/fake-daemon.ts';

const PHONE = '+491700000001';
const ITEMS = [
  { to: '+491700000002', text: 'We are open.' },
  { to: '+491700000003', text: 'We are open.' },
];

let cli: CliServer;
let account: AccountId;
beforeAll(async () => {
  cli = await openCliServer();
  account = await cli.server.makeAccount({ phoneNumber: PHONE });
});
afterAll(() => cli[Symbol.asyncDispose]());

const run = (...args: readonly string[]) => cli.run(['campaigns', ...args]);

async function write(name: string, content: unknown): Promise<string> {
  const path = join(cli.folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function make(name: string): Promise<string> {
  const body = { name, items: ITEMS };
  return (await cli.server.ask('POST', `/accounts/${account}/campaigns`, { body })).body.data.campaignId;
}

describe('campaigns', () => {
  it('are created from a file, once with one key, and listed', async () => {
    const file = await write('may.json', { name: 'May', items: ITEMS });
    const args = ['create', PHONE, file, '--idempotency-key', 'may-1'];
    const { code, out, error } = await run(...args);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    const [, id = ''] = /^Created: campaign ([\da-f-]{36}), 2 items\. Watch it: /.exec(out) ?? [];
    expect(out).toContain(`campaigns show ${id} --follow\n`);
    expect(JSON.parse((await run(...args, '--json')).out)).toMatchObject({ campaignId: id, total: 2 });
    const list = await write('items.json', `\u{feff}${JSON.stringify(ITEMS)}`);
    expect((await run('create', account, list, '--name', 'June')).code).toBe(0);
    const listed = await run('list', PHONE);
    expect(listed.out).toMatch(
      new RegExp(`^ID +NAME .*\n.* June +running +2 .*\n${id} +May +running +2 +\\d{4}-.* UTC +-\n$`),
    );
  });

  it('are shown, paused, resumed and cancelled', async () => {
    const id = await make('July');
    const shown = await run('show', id);
    expect(shown).toEqual({
      code: 0,
      out: `July: running
[..............................] 0 of 2
0 sent, 0 delivered, 0 read, 0 failed, 0 cancelled
`,
      error: '',
    });
    expect((await run('pause', id)).out).toMatch(/^July: paused\n/);
    expect(JSON.parse((await run('resume', id, '--json')).out)).toMatchObject({ status: 'running' });
    expect((await run('cancel', id)).out).toMatch(/^July: cancelled\n\[#{30}\] 2 of 2\n.* 2 cancelled\n$/);
    const items = await run('items', id);
    expect(items.out).toMatch(/^# +TO +STATUS +MESSAGE +ERROR\n0 +491700000002@c\.us +cancelled +-\n1 /);
    const ended = await run('resume', id);
    expect([ended.code, ended.error]).toEqual([1, expect.stringContaining('takes another: ')]);
  });

  it('name what is wrong: the file, an item in it, and an id', async () => {
    const wrong = await write('wrong.json', { name: 'May', items: [{ to: 'nobody', text: 'Hi' }] });
    const item = await run('create', PHONE, wrong);
    expect([item.code, item.error]).toEqual([2, expect.stringContaining('items.0.to: ')]);
    for (const [name, content, problem] of [
      ['text.json', 'Hello', '<file>: It is not in JSON ('],
      ['number.json', '7', '<file>: It holds neither'],
      ['list.json', ITEMS, '--name: Give one'],
    ] as const) {
      const { code, error } = await run('create', PHONE, await write(name, content));
      expect([code, error]).toEqual([2, expect.stringContaining(problem)]);
    }
    const absent = await run('create', PHONE, join(cli.folder, 'absent.json'));
    expect([absent.code, absent.error]).toEqual([2, expect.stringContaining('<file>: It cannot be read (')]);
    const none = await run('show', account);
    expect([none.code, none.error]).toEqual([5, expect.stringContaining('campaigns list <account>')]);
  });
});

describe('campaigns show --follow', () => {
  const progress = [
    makeCampaignProgress({ waiting: 2, sent: 2 }),
    makeCampaignProgress({ waiting: 2, sent: 2 }),
    makeCampaignProgress({ pending: 1, sent: 3 }, 'completed'),
    makeCampaignProgress({ sent: 4 }, 'completed'),
  ];

  /** Follows a campaign that is so at one question after the other; what is not there is a daemon that is away. */
  async function follow(isTty: boolean, ...args: readonly string[]) {
    const answers = [...progress.slice(0, 1), undefined, ...progress.slice(1)];
    await using daemon = await openFakeDaemon(() => {
      const next = answers.shift();
      return next === undefined ? failure(503, 'UNAVAILABLE') : data(next);
    });
    const written: string[] = [];
    const { signal } = new AbortController();
    const unused = () => {
      throw new Error('This is not used here.');
    };
    const code = await runProgram(['campaigns', 'show', 'id', '--follow', ...args], {
      openApi: async () => new ApiClient({ url: daemon.url, apiKey: 'key', keySource: null }, signal),
      write: (text) => void written.push(text),
      writeError: (text) => void written.push(text),
      ...{
        isTty,
        signal,
        askHidden: unused,
        findPassphrase: unused,
        readSurroundings: unused,
        resolvePath: unused,
      },
    });
    return { code, written };
  }

  it('draws each change over the one before until nothing more leaves, also over a daemon that is away', async () => {
    const { code, written } = await follow(true);
    expect(code).toBe(0);
    const [first, second, third, ...more] = written;
    expect(first).toMatch(/^May: running\n\[#{15}\.{15}\] 2 of 4\n2 sent, /);
    const over = '\x1b[3F\x1b[JMay: completed\n';
    expect(second).toContain(`${over}[${'#'.repeat(22)}${'.'.repeat(8)}] 3 of 4\n`);
    expect(third).toContain(`${over}[${'#'.repeat(30)}] 4 of 4\n`);
    expect(more).toEqual([]);
  });

  it('draws one below the other where there is no terminal, and a line of JSON each for programs', async () => {
    expect((await follow(false)).written.join('')).not.toContain('\x1b');
    const { written } = await follow(true, '--json');
    expect(written.map((line) => JSON.parse(line))).toEqual([progress[0], progress[2], progress[3]]);
  });
});
