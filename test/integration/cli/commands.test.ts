import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { openUrlFile } from '../../../src/cli/url-file.ts';
import { makeAccountView } from '../../support/account-view.ts';
import { runCli } from '../../support/cli-process.ts';
import {
  data,
  type FakeAnswer,
  type FakeDaemon,
  failure,
  openFakeDaemon,
} from '../../support/fake-daemon.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const KEY = 'sb_key-of-the-test-with-32-characters';
const ID = '11111111-1111-4111-8111-111111111111';
const OTHER_ID = '22222222-2222-4222-8222-222222222222';

const SHOP = makeAccountView({ id: ID, phoneNumber: '+491700000001' });
const SUPPORT = makeAccountView({
  id: OTHER_ID,
  displayName: 'Support\x1b[2J',
  connectionStatus: 'Failed',
  state: 'needs_human',
  reason: { code: 'banned', text: 'The number is blocked.', userAction: 'Open WhatsApp.' },
});

const STARTING_ID = '77777777-7777-4777-8777-777777777777';
const LINKED_ID = '88888888-8888-4888-8888-888888888888';
const RESTING_ID = '55555555-5555-4555-8555-555555555555';
const GIVEN_UP_ID = '66666666-6666-4666-8666-666666666666';
const RESTING = makeAccountView({
  id: RESTING_ID,
  connectionStatus: 'Disconnected',
  state: 'disconnected',
  reason: {
    code: 'user_disconnected',
    text: 'Disconnected by a user.',
    userAction: 'Reconnect the account.',
  },
});

const STARTING = makeAccountView({ id: STARTING_ID, connectionStatus: 'Connecting', state: 'starting' });
const GIVEN_UP = makeAccountView({
  ...RESTING,
  id: GIVEN_UP_ID,
  reason: { code: 'qr_given_up', text: 'Nobody scanned the QR code.', userAction: 'Reconnect the account.' },
});

const INCOMING = {
  messageId: '33333333-3333-4333-8333-333333333333',
  direction: 'incoming',
  chatId: '491700000002@c.us',
  phoneNumber: '+491700000002',
  type: 'text',
  text: 'Hello\nthere',
  caption: null,
  status: 'delivered',
  failedReason: null,
  reactions: [],
  timestamp: '2026-01-02T03:04:05.000Z',
};
const FAILED = {
  ...INCOMING,
  direction: 'outgoing',
  type: 'image',
  text: null,
  caption: 'A picture',
  status: 'failed',
  failedReason: 'NOT_ON_WHATSAPP',
};

function answer({ method, path }: { readonly method: string; readonly path: string }): FakeAnswer {
  const routes: Readonly<Record<string, FakeAnswer>> = {
    'GET /accounts?limit=100': data([SHOP], { count: 1, nextCursor: 'next' }),
    'GET /accounts?limit=100&cursor=next': data([SUPPORT], { count: 1, nextCursor: null }),
    [`GET /health/${ID}`]: data(SHOP),
    [`GET /health/${OTHER_ID}`]: data(SUPPORT),
    [`GET /qr-code/${ID}`]: data({ qr: '2@code', qrCode: 'data:', expiresAt: SHOP.since }),
    [`GET /health/${RESTING_ID}`]: data({ ...RESTING, lastError: 'An old error.' }),
    [`GET /qr-code/${OTHER_ID}`]: failure(409, 'ALREADY_LINKED'),
    [`GET /accounts/${OTHER_ID}`]: data(SUPPORT),
    [`GET /qr-code/${LINKED_ID}`]: failure(409, 'ALREADY_LINKED'),
    [`GET /accounts/${LINKED_ID}`]: data({ ...SHOP, id: LINKED_ID }),
    [`GET /qr-code/${STARTING_ID}`]: data({ qr: null, qrCode: null, expiresAt: null }),
    [`GET /accounts/${STARTING_ID}`]: data(STARTING),
    [`GET /qr-code/${RESTING_ID}`]: data({ qr: null, qrCode: null, expiresAt: null }),
    [`GET /accounts/${RESTING_ID}`]: data(RESTING),
    [`GET /qr-code/${GIVEN_UP_ID}`]: failure(400, 'QR_EXPIRED'),
    [`GET /accounts/${GIVEN_UP_ID}`]: data(GIVEN_UP),
    [`POST /accounts/${ID}/messages`]: {
      status: 202,
      ...data({ messageId: INCOMING.messageId, status: 'pending' }),
    },
    [`POST /accounts/${OTHER_ID}/messages`]: failure(409, 'ACCOUNT_NOT_CONNECTED'),
    [`GET /accounts/${ID}/messages?limit=20`]: data([INCOMING, FAILED], { count: 2, nextCursor: null }),
    [`GET /accounts/${ID}/messages?limit=5&direction=incoming&phoneNumber=%2B491700000002&status=read`]: data(
      [],
    ),
    [`GET /accounts/${ID}/messages?limit=99`]: failure(400, 'VALIDATION_FAILED', [
      { field: 'limit', message: 'Use 1 to 50.' },
    ]),
    [`POST /disconnect/${ID}`]: data({ accountId: ID }),
    [`DELETE /accounts/${ID}`]: data({ accountId: ID, deleted: true, purged: false }),
  };
  return routes[`${method} ${path}`] ?? failure(404, 'ACCOUNT_NOT_FOUND');
}

let daemon: FakeDaemon;
let folder: TemporaryFolder;

beforeAll(async () => {
  daemon = await openFakeDaemon(answer, { apiKey: KEY });
  folder = await openTemporaryFolder();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function run(...args: string[]) {
  return runCli(args, { cwd: folder.path, env: { SWITCHBOARD_URL: daemon.url, SWITCHBOARD_API_KEY: KEY } });
}

describe('accounts and status', () => {
  it('list all accounts, over all pages', async () => {
    for (const command of ['accounts', 'status']) {
      const { code, out, error } = await run(command);
      expect({ code, error }).toEqual({ code: 0, error: '' });
      expect(out.split('\n')).toHaveLength(4);
      expect(out).toMatch(/^ID +NAME +PHONE/);
      expect(out).toContain(`${ID}  Shop`);
      expect(out).toMatch(/ Connected {2}.*\n.* Failed \(needs_human\) /);
      expect(out).not.toContain('\x1b');
    }
  });

  it('print the same as JSON', async () => {
    const { code, out } = await run('accounts', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([SHOP, SUPPORT]);
  });

  it('say how one account is and what to do, by its id, number or name', async () => {
    for (const wanted of [ID, '+491700000001', 'Shop']) {
      const { code, out } = await run('status', wanted);
      expect(code).toBe(0);
      expect(out).toMatch(/Status: +Connected since 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n/);
    }
    const { out } = await run('status', OTHER_ID);
    expect(out).toMatch(/Reason: +The number is blocked\.\nTo do: +Open WhatsApp\./);
    expect(JSON.parse((await run('status', 'Shop', '--json')).out)).toEqual(SHOP);
  });

  it('say with which command an account at rest is linked again, and only then', async () => {
    const command = (id: string) => `npm run cli -- link --account ${id}\n`;
    const { out } = await run('status', RESTING_ID);
    expect(out).toContain(`To do:      Reconnect the account. The command: ${command(RESTING_ID)}`);
    expect(out.match(/^(To do|Reconnect):/gm)).toHaveLength(1);
    expect(out).not.toContain('An old error.');
    expect((await run('status', OTHER_ID)).out).toContain(command(OTHER_ID));
    const env = { SWITCHBOARD_URL: daemon.url, SWITCHBOARD_API_KEY: KEY, DATA_PATH: '/tmp/a b' };
    const elsewhere = await runCli(['status', OTHER_ID], { cwd: folder.path, env });
    expect(elsewhere.out).toContain(`DATA_PATH='/tmp/a b' ${command(OTHER_ID)}`);
    expect((await run('status', ID)).out).not.toContain('npm run cli');
  });

  it('exit with 5 where there is no such account', async () => {
    const byName = await run('status', 'Nobody');
    expect(byName.code).toBe(5);
    expect(byName.error).toContain('"Nobody"');
    const byId = await run('status', '44444444-4444-4444-8444-444444444444', '--json');
    expect(byId.code).toBe(5);
    expect(byId.out).toBe('');
    expect(JSON.parse(byId.error)).toEqual({
      success: false,
      error: { code: 'ACCOUNT_NOT_FOUND', message: 'Message of ACCOUNT_NOT_FOUND.' },
    });
  });
});

describe('qr', () => {
  it('draws the code, small or large, or prints it', async () => {
    expect((await run('qr', 'Shop')).out).toMatch(/^▄+\n/);
    expect((await run('qr', 'Shop', '--large')).out).toContain('\x1b[47m');
    expect(JSON.parse((await run('qr', 'Shop', '--json')).out).qr).toBe('2@code');
  });

  it('exits with 6 where there is none yet', async () => {
    const { code, error } = await run('qr', STARTING_ID);
    expect(code).toBe(6);
    expect(error).toContain('no QR code yet');
    expect(error).toContain(`npm run cli -- link --account ${STARTING_ID}\n`);
  });

  it.each([
    ['was disconnected', RESTING_ID, 'Disconnected by a user. Reconnect the account.', 6],
    ['was not scanned in time', GIVEN_UP_ID, 'Nobody scanned the QR code. Reconnect the account.', 6],
    ['needs a human', OTHER_ID, 'The number is blocked. Open WhatsApp.', 1],
  ])('says why and how to link again where the account %s', async (_what, id, why, exitCode) => {
    const { code, error } = await run('qr', id);
    expect(code).toBe(exitCode);
    expect(error).toContain(why);
    expect(error).toContain(`npm run cli -- link --account ${id}\n`);
    expect(error).not.toContain('yet');
  });
});

it('qr says how to go on where the account is linked', async () => {
  const { code, error } = await run('qr', LINKED_ID);
  expect(code).toBe(1);
  expect(error).toContain(`cli -- status ${LINKED_ID} `);
  expect(error).toContain(`cli -- disconnect ${LINKED_ID}\n`);
});

describe('send', () => {
  it('hands the text over, with its Idempotency-Key', async () => {
    const { code, out } = await run('send', 'Shop', '+491700000002', 'Good day', '--idempotency-key', 'k-1');
    expect(code).toBe(0);
    expect(out).toBe(`Accepted: message ${INCOMING.messageId}, pending.\n`);
    const request = daemon.requests.at(-1);
    expect(request?.body).toEqual({ to: '+491700000002', text: 'Good day' });
    expect(request?.headers['idempotency-key']).toBe('k-1');
  });

  it('refuses a recipient that is none before it asks for the account', async () => {
    const { code, error } = await run('send', 'Nobody', '0170 1', '');
    expect(code).toBe(2);
    expect(error).toMatch(/<to>: Use a phone number.*\n {2}<text>: /s);
  });

  it('prints JSON, and takes a text that begins with a hyphen', async () => {
    const { out } = await run('send', '--json', '--', ID, '+491700000002', '-5 degrees');
    expect(JSON.parse(out)).toEqual({ messageId: INCOMING.messageId, status: 'pending' });
    expect(daemon.requests.at(-1)?.body).toMatchObject({ text: '-5 degrees' });
  });

  it('hands on what is to happen where the daily limit is used up', async () => {
    await run('send', 'Shop', '+491700000002', 'x', '--on-limit', 'defer');
    expect(daemon.requests.at(-1)?.body).toMatchObject({ onLimit: 'defer' });
  });

  it('exits with 6 where the account is not connected, and says what to do', async () => {
    const { code, error } = await run('send', OTHER_ID, '+491700000002', 'x');
    expect(code).toBe(6);
    expect(error).toBe(
      `Message of ACCOUNT_NOT_CONNECTED. See: npm run cli -- status ${OTHER_ID}; link it with: npm run cli -- link --account ${OTHER_ID}\n`,
    );
  });
});

describe('messages', () => {
  it('shows a line for each message', async () => {
    const { code, out } = await run('messages', 'Shop');
    expect(code).toBe(0);
    expect(out).toContain('<  +491700000002  delivered ');
    expect(out).toContain('Hello there\n');
    expect(out).toContain('failed (NOT_ON_WHATSAPP)  [image] A picture\n');
  });

  it('prints JSON, hands filters on, and says when there is none', async () => {
    expect(JSON.parse((await run('messages', 'Shop', '--json')).out)).toEqual([INCOMING, FAILED]);
    const filters = [
      '--limit',
      '5',
      '--direction',
      'incoming',
      '--phone',
      '+491700000002',
      '--status',
      'read',
    ];
    expect((await run('messages', ID, ...filters)).out).toBe('No messages.\n');
  });

  it('names every option that the daemon refuses as it was typed, and exits with 2', async () => {
    const { code, error } = await run('messages', ID, '--limit', '99');
    expect(code).toBe(2);
    expect(error).toBe('Message of VALIDATION_FAILED.\n  --limit: Use 1 to 50.\n');
  });

  it('refuses options that cannot be right before it asks for the account', async () => {
    const asked = daemon.requests.length;
    const wrong = ['--limit', '0', '--direction', 'up', '--phone', '49', '--status', 'lost'];
    const { code, error } = await run('messages', 'Nobody', ...wrong);
    expect(code).toBe(2);
    expect(error).toMatch(
      /--limit: Use 1 to 100\.\n {2}--direction: .*\n {2}--phone: .*\n {2}--status: .*\n$/,
    );
    expect(daemon.requests).toHaveLength(asked);
  });

  it('says its times in UTC', async () => {
    expect((await run('messages', 'Shop')).out).toContain('2026-01-02 03:04:05 UTC');
  });
});

describe('disconnect', () => {
  it('disconnects', async () => {
    expect(await run('disconnect', 'Shop')).toEqual({
      code: 0,
      out: `Disconnected: account ${ID}.\n`,
      error: '',
    });
    expect(JSON.parse((await run('disconnect', 'Shop', '--json')).out)).toEqual({ accountId: ID });
  });

  it('removes the account with --remove', async () => {
    expect(await run('disconnect', 'Shop', '--remove')).toEqual({
      code: 0,
      out: `Disconnected and removed: account ${ID}.\n`,
      error: '',
    });
    expect(daemon.requests.at(-1)?.method).toBe('DELETE');
    const removed = await run('disconnect', ID, '--remove', '--json');
    expect(JSON.parse(removed.out)).toEqual({ accountId: ID, removed: true });
  });
});

describe('every command', () => {
  it('explains itself without a daemon or a valid configuration', async () => {
    for (const command of [
      'link',
      'accounts',
      'status',
      'qr',
      'send',
      'messages',
      'disconnect',
      'keys',
      'audit',
    ]) {
      const { code, out } = await runCli([command, '--help'], { cwd: folder.path, env: { PORT: 'x' } });
      expect(code).toBe(0);
      expect(out).toContain('--json');
      expect(out).toContain('Exit codes:');
      expect(out).not.toContain('\n\n\n');
    }
  });

  it.each([
    [[]],
    [['nonsense']],
    [['nonsense', '--help']],
    [['help', 'nonsense']],
    [['vault', 'nonsense', '--help']],
    [['send', 'Shop']],
    [['accounts', '--nonsense']],
  ])('exits with 2 for %j', async (args) => {
    const { code, error } = await runCli(args, { cwd: folder.path });
    expect(code).toBe(2);
    expect(error).not.toBe('');
  });

  it('is explained by help too, and the program says its version', async () => {
    const help = await runCli(['help'], { cwd: folder.path });
    expect([help.code, help.out]).toEqual([0, (await runCli(['--help'], { cwd: folder.path })).out]);
    expect(help.out).toContain('npm run -s cli -- <command> --json');
    expect(help.out).toContain('{"success":false,"error":');
    const link = await runCli(['help', 'link'], { cwd: folder.path });
    expect([link.code, link.out]).toEqual([0, (await runCli(['link', '--help'], { cwd: folder.path })).out]);
    const version = await runCli(['--version'], { cwd: folder.path });
    expect([version.code, version.out]).toEqual([0, `${packageJson.version}\n`]);
  });

  it('exits with 2 and names a variable that is wrong', async () => {
    const { code, error } = await runCli(['accounts'], { cwd: folder.path, env: { PORT: 'x', HOST: 'a b' } });
    expect(code).toBe(2);
    expect(error).toMatch(/HOST: .*\n {2}PORT: /s);
  });
});

describe('finding the daemon', () => {
  it('exits with 3 and the remedy where none runs', async () => {
    const { code, error } = await runCli(['accounts'], { cwd: folder.path, env: { PORT: '1' } });
    expect(code).toBe(3);
    expect(error).toMatch(/No daemon answers at http:\/\/127\.0\.0\.1:1 .*npm start/);
  });

  it('names the key for a repetition where the answer to a message is lost', async () => {
    const keys: unknown[] = [];
    const server = createServer(({ headers, socket }) => {
      keys.push(headers['idempotency-key']);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const args = ['send', ID, '+491700000001', 'hello', '--json'];
    const place = { cwd: folder.path, env: { PORT: String(port), OWNER_API_KEY: KEY } };
    const { code, error } = await runCli(args, place);
    server.close();
    expect(code).toBe(3);
    const told = JSON.parse(error).error;
    expect(told.message).toMatch(/is not known\. Repeat the command with --idempotency-key [\w-]{36}:/);
    expect(keys).toEqual([told.details.idempotencyKey]);
  });

  it('exits with 3 where something else answers', async () => {
    const server = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, error } = await runCli(['accounts'], { cwd: folder.path, env: { PORT: String(port) } });
    server.close();
    server.closeAllConnections();
    expect(code).toBe(3);
    expect(error).toContain('is not Switchboard');
  });

  it('exits with 4 where no key is found or the key is wrong, and never prints it', async () => {
    const none = await runCli(['accounts'], { cwd: folder.path, env: { SWITCHBOARD_URL: daemon.url } });
    expect(none.code).toBe(4);
    expect(none.error).toContain('SWITCHBOARD_API_KEY');
    const wrong = await runCli(['accounts'], {
      cwd: folder.path,
      env: { SWITCHBOARD_URL: daemon.url, SWITCHBOARD_API_KEY: 'hunter2hunter2' },
    });
    expect(wrong.code).toBe(4);
    expect(wrong.error).toContain('The key in SWITCHBOARD_API_KEY is not one of this daemon');
    expect(wrong.error).not.toContain('hunter2');
  });

  it('names the file of a key that belongs to another daemon, and DATA_PATH', async () => {
    await using place = await openTemporaryFolder();
    const file = join(place.path, 'owner-api-key');
    await writeFile(file, 'the key of another daemon\n'.replaceAll(' ', '-'));
    const env = { SWITCHBOARD_URL: daemon.url, DATA_PATH: place.path };
    const { code, error } = await runCli(['accounts'], { cwd: folder.path, env });
    expect(code).toBe(4);
    expect(error).toContain(
      `The key in ${file} is not one of this daemon: set SWITCHBOARD_API_KEY, or give the command line the daemon's DATA_PATH.`,
    );
    expect(error).not.toContain('another');
  });

  it('takes the key that the daemon keeps, and address and owner key from .env', async () => {
    await using place = await openTemporaryFolder();
    const { hostname, port } = new URL(daemon.url);
    await writeFile(join(place.path, '.env'), `HOST=${hostname}\nPORT=${port}\nDATA_PATH=.\n`);
    await writeFile(join(place.path, 'owner-api-key'), `${KEY}\n`);
    expect((await runCli(['accounts'], { cwd: place.path })).code).toBe(0);
    const env = { OWNER_API_KEY: 'another-key-of-thirty-two-characters' };
    expect((await runCli(['accounts'], { cwd: place.path, env })).code).toBe(4);
    expect(
      (await runCli(['accounts'], { cwd: place.path, env: { ...env, SWITCHBOARD_API_KEY: KEY } })).code,
    ).toBe(0);
  });

  it('asks where the daemon has said that it answers, whatever HOST and PORT are, unless SWITCHBOARD_URL says more', async () => {
    await using place = await openTemporaryFolder();
    const env = { DATA_PATH: place.path, PORT: '1', SWITCHBOARD_API_KEY: KEY };
    const left = await openUrlFile(place.path, daemon.url);
    expect((await runCli(['accounts'], { cwd: folder.path, env })).code).toBe(0);
    const elsewhere = { ...env, SWITCHBOARD_URL: 'http://127.0.0.1:2' };
    expect((await runCli(['accounts'], { cwd: folder.path, env: elsewhere })).error).toContain('127.0.0.1:2');
    await left[Symbol.asyncDispose]();
    expect((await runCli(['accounts'], { cwd: folder.path, env })).error).toContain('127.0.0.1:1');
    await writeFile(join(place.path, 'url'), 'nonsense');
    expect((await runCli(['accounts'], { cwd: folder.path, env })).error).toContain('127.0.0.1:1');
  });
});
