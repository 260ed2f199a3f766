import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../../src/cli/api-client.ts';
import type { AccountView } from '../../../src/cli/api-views.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { drawQr } from '../../../src/cli/qr-view.ts';
import { makeAccountView } from '../../support/account-view.ts';
import { runCli, startCli } from '../../support/cli-process.ts';
import {
  data,
  type FakeAnswer,
  type FakeDaemon,
  failure,
  type NoAnswer,
  openFakeDaemon,
  type SeenRequest,
} from '../../support/fake-daemon.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const ID = '11111111-1111-4111-8111-111111111111';

/** What the account is at one question, and the code that it shows then. */
interface Scene {
  readonly account: Partial<AccountView>;
  readonly qr?: FakeAnswer;
  readonly code?: FakeAnswer;
  /** Headers of the answer that tells the account. */
  readonly with?: Pick<FakeAnswer, 'headers'>;
  /** What comes in its place. */
  readonly instead?: FakeAnswer | NoAnswer;
}

const STARTING = { account: { state: 'starting', connectionStatus: 'Connecting' } };
const PAIRING = { account: { state: 'pairing', connectionStatus: 'Connecting' } };
const SYNCING = { account: { state: 'syncing', connectionStatus: 'Connecting' } };
const CONNECTED = {
  account: { state: 'connected', connectionStatus: 'Connected', phoneNumber: '+491700000001' },
};
const GIVEN_UP = {
  account: {
    state: 'disconnected',
    connectionStatus: 'Disconnected',
    since: '2026-01-02T04:00:00.000Z',
    reason: { code: 'qr_given_up', text: 'Nobody scanned the QR code.', userAction: 'Reconnect it.' },
  },
};

/** What the daemon has already. */
const TAKEN = makeAccountView({
  id: '22222222-2222-4222-8222-222222222222',
  displayName: 'Taken',
  phoneNumber: '+491700000009',
});

function scanning(qr: string | null): Scene {
  return {
    account: { state: 'awaiting_scan', connectionStatus: 'Connecting' },
    qr: data({ qr, expiresAt: null }),
  };
}

let daemon: FakeDaemon | undefined;
let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await openTemporaryFolder();
});

afterEach(async () => {
  await daemon?.[Symbol.asyncDispose]();
  daemon = undefined;
  await folder[Symbol.asyncDispose]();
});

/** A daemon that plays the scenes, one at each question for the account; the last one stays. */
async function play(...scenes: readonly [Scene, ...Scene[]]): Promise<Record<string, string>> {
  let scene = scenes[0];
  let next = 0;
  const answer = ({ method, path }: SeenRequest): FakeAnswer | NoAnswer => {
    if (method === 'POST') return { status: 201, ...data({ accountId: ID }) };
    if (path.startsWith('/accounts?')) return data([TAKEN], { nextCursor: null });
    if (path === `/pairing-code/${ID}`) return scene.code ?? failure(400, 'VALIDATION_FAILED');
    if (path === `/qr-code/${ID}`) return scene.qr ?? failure(409, 'ALREADY_LINKED');
    scene = scenes[next] ?? scene;
    next += 1;
    return scene.instead ?? { ...data(makeAccountView({ id: ID, ...scene.account })), ...scene.with };
  };
  daemon = await openFakeDaemon(answer);
  return { SWITCHBOARD_URL: daemon.url };
}

/** Links at a terminal; what stands on it after each time that something was written. */
async function linkAtTerminal(name: string): Promise<readonly string[]> {
  const url = String(daemon?.url);
  const { signal } = new AbortController();
  const screens: string[] = [];
  const unused = () => {
    throw new Error('This is not used here.');
  };
  const code = await runProgram(['link', name], {
    openApi: async () => new ApiClient({ url, apiKey: 'key', keySource: null }, signal),
    write: (text) => void screens.push(drawOn(screens.at(-1) ?? '', text)),
    writeError: unused,
    ...{ isTty: true, signal, askHidden: unused, findPassphrase: unused },
    ...{ readSurroundings: unused, resolvePath: unused },
  });
  expect(code).toBe(0);
  return screens;
}

/** What a terminal shows once the text was written to it: `ESC[nF ESC[J` goes up n lines and clears what is below. */
function drawOn(screen: string, text: string): string {
  const [first = '', ...rest] = text.split('\x1b[J');
  const [plain = '', up] = first.split('\x1b[');
  if (up === undefined) return screen + text;
  const lines = (screen + plain).split('\n');
  const kept = lines.slice(0, Math.max(0, lines.length - 1 - Number.parseInt(up, 10)));
  return drawOn(kept.map((line) => `${line}\n`).join(''), rest.join('\x1b[J'));
}

function withoutRepeats<T>(list: readonly T[]): readonly T[] {
  return list.filter((each, nth) => JSON.stringify(each) !== JSON.stringify(list[nth - 1]));
}

/** The first request that changes something. */
const posted = () => daemon?.requests.find(({ method }) => method === 'POST');

describe('link --code', () => {
  const typing = (code: string | null): Scene => ({
    ...scanning(null),
    code: data({ code, expiresAt: null }),
  });

  it('shows the code to type, a new one when it changes, until the account is connected', async () => {
    const env = await play(
      STARTING,
      typing(null),
      typing('ABCD1234'),
      typing('EFGH5678'),
      PAIRING,
      CONNECTED,
    );
    const { code, out } = await runCli(['link', 'Shop', '--code', '+491700000001'], {
      env,
      cwd: folder.path,
    });
    expect(code).toBe(0);
    expect(out).toMatch(/type this code[\s\S]*ABCD-1234[\s\S]*EFGH-5678[\s\S]*Connected as \+491700000001/);
    expect(posted()?.body).toEqual({
      displayName: 'Shop',
      phoneNumber: '+491700000001',
      pairing: 'code',
    });
  });

  it('calls an account without a name by its number, and refuses one that is none', async () => {
    const env = await play(CONNECTED);
    expect((await runCli(['link', '--code', '+491700000001'], { env, cwd: folder.path })).code).toBe(0);
    expect(posted()?.body).toMatchObject({ displayName: '+491700000001' });
    const asked = daemon?.requests.length;
    const { code, error } = await runCli(['link', '--code', '0170'], { env, cwd: folder.path });
    expect([code, error]).toEqual([2, expect.stringContaining('--code: Use + and 7 to 15 digits.')]);
    expect(daemon?.requests).toHaveLength(asked ?? 0);
  });

  it('is a way of its own: no phone to scan beside it, no account that has its way already', async () => {
    for (const other of [
      ['--phone', '+491700000002'],
      ['--account', ID],
    ]) {
      const { code, error } = await runCli(['link', '--code', '+491700000001', ...other], {
        cwd: folder.path,
      });
      expect([code, error]).toEqual([2, expect.stringContaining(String(other[0]))]);
    }
  });

  it('tells the codes as events with --json', async () => {
    const env = await play(typing('ABCD1234'), CONNECTED);
    const { out } = await runCli(['link', '--code', '+491700000001', '--json'], { env, cwd: folder.path });
    expect(out).toContain(JSON.stringify({ event: 'code', accountId: ID, code: 'ABCD1234' }));
  });
});

describe('link', () => {
  it('names itself as no remedy where a key is missing', async () => {
    const reason = { code: 'key_missing', text: 'It cannot be opened.', userAction: 'Add the key.' };
    const since = new Date().toISOString();
    const env = await play({
      account: { state: 'needs_human', connectionStatus: 'Failed', reason, since },
    });
    const { code, error } = await runCli(['link'], { cwd: folder.path, env });
    expect([code, error]).toEqual([6, expect.stringContaining('It cannot be opened. Add the key.')]);
    expect(error).not.toContain('link --account');
  });

  it('waits for the phone to approve a passkey (A24)', async () => {
    const reason = { code: 'passkey', text: 'WhatsApp asks for a passkey.', userAction: 'Approve it.' };
    const demanded = { state: 'needs_human', connectionStatus: 'Failed', reason };
    const since = new Date().toISOString();
    const env = await play(scanning('2@one'), { account: { ...demanded, since } }, PAIRING, CONNECTED);
    const { code, out } = await runCli(['link'], { cwd: folder.path, env });
    expect([code, out]).toEqual([0, expect.stringContaining('WhatsApp asks for a passkey. Approve it.')]);
  });

  it("goes by the daemon's clock, which another machine may not share", async () => {
    const reason = { code: 'passkey', text: 'WhatsApp asks for a passkey.', userAction: 'Approve it.' };
    const anHourAgo = new Date(Date.now() - 3_600_000);
    const since = anHourAgo.toISOString();
    const account = { state: 'needs_human', connectionStatus: 'Failed', reason, since };
    const slow = { headers: { date: anHourAgo.toUTCString() } };
    const env = await play({ account, with: slow }, { ...CONNECTED, with: slow });
    const { code, out } = await runCli(['link'], { cwd: folder.path, env });
    expect([code, out]).toEqual([0, expect.stringContaining('Approve it.')]);
  });

  it('says that the phone has answered even if it was linked before anybody looked again', async () => {
    const env = await play(scanning('2@one'), CONNECTED);
    const { out } = await runCli(['link'], { cwd: folder.path, env });
    expect(out).toMatch(/The phone has answered\.\nConnected as \+491700000001\.\n$/);
  });

  it('goes on where the daemon or the network is away for a moment', async () => {
    const away = { account: {}, instead: 'cut' as const };
    const starting = { account: {}, instead: failure(503, 'UNAVAILABLE') };
    const env = await play(scanning('2@one'), away, starting, away, scanning('2@two'), CONNECTED);
    const { code, out, error } = await runCli(['link'], { cwd: folder.path, env });
    expect([code, error]).toEqual([0, '']);
    expect(out.indexOf(drawQr('2@two', { small: true }))).toBeGreaterThan(0);
  });

  it('creates an account, draws its code as it rotates, and ends when it is connected', async () => {
    const env = await play(
      STARTING,
      scanning(null),
      scanning('2@one'),
      scanning('2@two'),
      PAIRING,
      SYNCING,
      CONNECTED,
    );
    const { code, out, error } = await runCli(['link', 'My shop', '--phone', '+491700000001'], {
      cwd: folder.path,
      env,
    });
    expect({ code, error }).toEqual({ code: 0, error: '' });
    const parts = [
      `Account ${ID}`,
      'The browser is starting.',
      drawQr('2@one', { small: true }),
      drawQr('2@two', { small: true }),
      'The phone has answered.',
      'Linked.',
      'Connected as +491700000001.',
    ];
    const places = parts.map((part) => out.indexOf(part));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(out).not.toContain('\x1b');
    expect(posted()).toMatchObject({
      method: 'POST',
      path: '/connect',
      body: { displayName: 'My shop', phoneNumber: '+491700000001' },
    });
  });

  it('keeps one code on a terminal, the one that holds, and none once it is used', async () => {
    await play(STARTING, scanning('2@one'), scanning('2@two'), PAIRING, SYNCING, CONNECTED);
    const screens = await linkAtTerminal('My shop');
    const [one, two] = ['2@one', '2@two'].map((qr) => drawQr(qr, { small: true }));
    const shown = screens.map((screen) => {
      const codes = screen.split('scan this code').length - 1;
      return { codes, one: screen.includes(String(one)), two: screen.includes(String(two)) };
    });
    const none = { codes: 0, one: false, two: false };
    expect(withoutRepeats(shown)).toEqual([
      none,
      { codes: 1, one: true, two: false },
      { codes: 1, one: false, two: true },
      none,
    ]);
    expect(screens.at(-1)).toMatch(
      /^Account .*\nThe browser is starting\.\nThe phone has answered\. .*\nLinked\. .*\nConnected as .*\n$/,
    );
  });

  it.each([
    ['a name', ['Taken'], '"Taken"'],
    ['a number', ['Other', '--phone', '+491700000009'], '"+491700000009"'],
    ['a number to type a code on', ['--code', '+491700000009'], '"+491700000009"'],
  ])('makes no second account of %s, unless it is told to', async (_what, args, named) => {
    const env = await play(CONNECTED);
    const { code, error, out } = await runCli(['link', ...args], { cwd: folder.path, env });
    expect([code, out, posted()]).toEqual([2, '', undefined]);
    expect(error).toContain(named);
    expect(error).toContain(`npm run cli -- status ${TAKEN.id}`);
    expect(error).toContain('--another');
    expect((await runCli(['link', ...args, '--another'], { cwd: folder.path, env })).code).toBe(0);
    expect(posted()?.path).toBe('/connect');
  });

  it('prints an event a line for programs', async () => {
    const env = await play(scanning('2@one'), SYNCING, CONNECTED);
    const { code, out } = await runCli(['link', '--json'], { cwd: folder.path, env });
    expect(code).toBe(0);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { event: 'account', accountId: ID },
      { event: 'qr', accountId: ID, qr: '2@one' },
      { event: 'state', accountId: ID, state: 'syncing', connectionStatus: 'Connecting' },
      { event: 'connected', accountId: ID, phoneNumber: '+491700000001' },
    ]);
  });

  it('exits with 6 and the reason when nobody scans', async () => {
    const gone = { ...scanning(null), qr: failure(400, 'QR_EXPIRED') };
    const env = await play(scanning('2@one'), gone, GIVEN_UP);
    const { code, error } = await runCli(['link'], { cwd: folder.path, env });
    expect(code).toBe(6);
    expect(error).toBe(
      `The account was not linked. Nobody scanned the QR code. Reconnect it. To link it again: npm run cli -- link --account ${ID}\n`,
    );
  });

  it('starts an account again that has come to rest, and waits until it has left that state', async () => {
    const env = await play(GIVEN_UP, GIVEN_UP, STARTING, CONNECTED);
    const { code } = await runCli(['link', '--account', ID], { cwd: folder.path, env });
    expect(code).toBe(0);
    const posts = daemon?.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);
    expect(posts).toEqual([`/reconnect/${ID}`]);
  });

  it('only follows an account that is being linked already', async () => {
    const env = await play(scanning('2@one'), CONNECTED);
    expect((await runCli(['link', '--account', ID], { cwd: folder.path, env })).code).toBe(0);
    expect(daemon?.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('leaves the account at Ctrl-C and says how to go on', async () => {
    const env = await play(scanning('2@one'));
    const { child, result } = startCli(['link'], { cwd: folder.path, env });
    if (child.stdout === null) throw new Error('It has no output');
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    const { code, out, error } = await result;
    expect(code).toBe(130);
    expect(out).toContain(`npm run cli -- link --account ${ID}`);
    expect(error).toBe('');
    expect(daemon?.requests.filter(({ path }) => path.startsWith('/disconnect'))).toEqual([]);
  });

  it('exits with 3 where the daemon stops meanwhile', async () => {
    const env = await play(scanning('2@one'));
    const { child, result } = startCli(['link'], { cwd: folder.path, env });
    if (child.stdout === null) throw new Error('It has no output');
    await once(child.stdout, 'data');
    await daemon?.[Symbol.asyncDispose]();
    daemon = undefined;
    const { code, error } = await result;
    expect([code, error]).toEqual([3, expect.stringContaining(`npm run cli -- link --account ${ID}\n`)]);
  });
});
