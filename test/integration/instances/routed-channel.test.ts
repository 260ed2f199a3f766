import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import type { Channel } from '../../../src/channels/channel.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import type { Leases } from '../../../src/instances/lease.ts';
import { makePerformCall, makeRoutedChannel } from '../../../src/instances/routed-channel.ts';
import {
  HolderGoneError,
  openSessionCalls,
  type PerformCall,
  type SessionCalls,
} from '../../../src/instances/session-calls.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { makePassphraseLock } from '../../../src/vault/passphrase.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { messageEvent } from '../../support/inbound-events.ts';
import { endRun, giveTo, insertRun } from '../../support/instance-rows.ts';
import { ScriptedChannel } from '../../support/scripted-channel.ts';
import { ScriptedSession } from '../../support/scripted-session.ts';
import { sealed } from '../../support/sealed-sample.ts';

const PASSPHRASE = 'a sentence that nobody says';

/** Sessions of an instance that has no HTTP server here, and does what is asked of it. */
interface Other extends AsyncDisposable {
  readonly run: number;
  readonly channel: ScriptedChannel;
  /** Gives it an account. */
  hold(accountId: AccountId): Promise<void>;
}

const stack = new AsyncDisposableStack();
/** The instance that is asked over HTTP. */
let server: TestServer;
let routed: Channel;
let own: number | undefined;
/** Accounts that it holds. */
const held = new Set<AccountId>();
let opened: AsyncDisposableStack;
let other: Other;
let id: AccountId;
/** How often the copies of the other were waited for. */
let copied: number;

const leasesOf = (accounts: ReadonlySet<AccountId>): Pick<Leases, 'find'> => ({
  find: (accountId) =>
    accounts.has(accountId) ? { accountId, run: 0, epoch: 0, previousEpoch: null } : undefined,
});

beforeAll(async () => {
  const late = new Proxy({} as Channel, { get: (_none, name) => routed[name as keyof Channel] });
  server = stack.use(await openTestServer({ channel: late }));
  const calls = stack.use(
    await openCalls(
      () => expect.fail('nobody asks it'),
      () => own,
    ),
  );
  const ownRun = () => own;
  routed = makeRoutedChannel({ local: server.channel, leases: leasesOf(held), calls, ownRun, db: server.db });
});
afterAll(() => stack.disposeAsync());

beforeEach(async () => {
  for (const table of ['instances', 'accounts'] as const) await server.db.deleteFrom(table).execute();
  opened = new AsyncDisposableStack();
  held.clear();
  copied = 0;
  server.channel.calls.length = 0;
  server.channel.connected.clear();
  server.channel.refusal = undefined;
  own = await insertRun(server.db, server.deps.instanceId);
  other = await openOther('other');
  id = await server.makeAccount({ phoneNumber: '+491700000099' });
  return () => opened.disposeAsync();
});

function openCalls(perform: PerformCall, ownRun: () => number | undefined): Promise<SessionCalls> {
  const { db, connection, log } = server;
  return openSessionCalls({ db, connection, log, clock, ownRun, perform });
}

async function openOther(
  name: string,
  { capacity, perform }: { readonly capacity?: number; readonly perform?: PerformCall } = {},
): Promise<Other> {
  const { db } = server;
  const run = await insertRun(db, name, capacity === undefined ? {} : { capacity });
  const channel = new ScriptedChannel(makeAccountStore(db), parseInstanceId(name));
  const accounts = new Set<AccountId>();
  const count = async () => {
    copied += 1;
  };
  const asked = makePerformCall({ local: channel, leases: leasesOf(accounts), copied: count });
  const calls = opened.use(await openCalls(perform ?? asked, () => run));
  return {
    run,
    channel,
    hold: async (accountId) => {
      accounts.add(accountId);
      await giveTo(db, accountId, run);
    },
    [Symbol.asyncDispose]: () => calls[Symbol.asyncDispose](),
  };
}

const callsOf = (channel: ScriptedChannel) => channel.calls.map(({ call }) => call);
const full = new AppError('POOL_FULL');

describe('what ends or starts the session of an account', () => {
  it.each([
    ['POST', (of: AccountId) => `/disconnect/${of}`, ['disconnect']],
    ['POST', (of: AccountId) => `/reconnect/${of}`, ['start']],
    ['DELETE', (of: AccountId) => `/accounts/${of}`, ['disconnect', 'disconnect']],
  ] as const)('is done where it is held: %s %s', async (method, pathOf, calls) => {
    await other.hold(id);
    expect((await server.ask(method, pathOf(id))).status).toBe(200);
    expect(callsOf(other.channel)).toEqual(calls);
    expect(server.channel.calls).toEqual([]);
  });

  it('is done here where it is held here, or by nobody', async () => {
    expect((await server.ask('POST', `/disconnect/${id}`)).status).toBe(200);
    held.add(id);
    await giveTo(server.db, id, own ?? expect.fail());
    expect((await server.ask('POST', `/reconnect/${id}`)).status).toBe(200);
    expect(callsOf(server.channel)).toEqual(['disconnect', 'start']);
    expect(other.channel.calls).toEqual([]);
  });

  it('is answered as it was there', async () => {
    await other.hold(id);
    other.channel.refusal = new AppError('DISK_FULL', { message: 'No room on that disk.' });
    const { status, body } = await server.ask('POST', `/reconnect/${id}`);
    expect([status, body.error]).toMatchObject([
      503,
      { code: 'DISK_FULL', message: 'No room on that disk.' },
    ]);
    other.channel.refusal = new TypeError('of the inside');
    expect((await server.ask('POST', `/reconnect/${id}`)).body.error.code).toBe('CONNECTION_FAILED');
  });

  it('follows an account that moves while it is asked for', async () => {
    const third = await openOther('third');
    const leaving = await openOther('leaving', {
      perform: async () => {
        await third.hold(id);
        throw new HolderGoneError();
      },
    });
    await giveTo(server.db, id, leaving.run);
    expect((await server.ask('POST', `/disconnect/${id}`)).status).toBe(200);
    expect(callsOf(third.channel)).toEqual(['disconnect']);
  });

  it('is done here if its holder ends while it is asked', async () => {
    const dying = await openOther('dying', { perform: () => endRun(server.db, dying.run) });
    await giveTo(server.db, id, dying.run);
    expect((await server.ask('POST', `/disconnect/${id}`)).status).toBe(200);
    expect(callsOf(server.channel)).toEqual(['disconnect']);
  });

  it('is given up where the holder never has the account, which is not its own', async () => {
    await giveTo(server.db, id, other.run);
    const { status, body } = await server.ask('POST', `/disconnect/${id}`);
    expect([status, body.error.code]).toEqual([503, 'UNAVAILABLE']);
    expect(other.channel.calls).toEqual([]);
  });
});

describe('the start of an account that nobody holds', () => {
  const connect = () => server.ask('POST', '/connect', { body: { displayName: 'New' } });

  it('is here while there is room', async () => {
    expect((await connect()).status).toBe(201);
    expect([callsOf(server.channel), callsOf(other.channel)]).toEqual([['start'], []]);
  });

  it('is where most room is, if there is none here', async () => {
    server.channel.refusal = full;
    const roomy = await openOther('roomy', { capacity: 50 });
    await insertRun(server.db, 'leaving', { capacity: 100, draining: true });
    expect((await connect()).status).toBe(201);
    expect([callsOf(roomy.channel), callsOf(other.channel)]).toEqual([['start'], []]);
    // What the rows do not tell yet, the instance itself does.
    roomy.channel.refusal = full;
    expect((await connect()).status).toBe(201);
    expect(callsOf(other.channel)).toEqual(['start']);
  });

  it('is refused where there is none anywhere, and nothing is left of the account', async () => {
    server.channel.refusal = full;
    other.channel.refusal = full;
    await insertRun(server.db, 'full', { capacity: 0 });
    const { status, body } = await connect();
    expect([status, body.error.code]).toEqual([503, 'POOL_FULL']);
    expect((await server.ask('GET', '/accounts')).body.data).toHaveLength(1);
  });
});

describe('what an account is like that another instance holds', () => {
  const health = async () => (await server.ask('GET', `/health/${id}`)).body.data;

  it('is connected, with who is linked', async () => {
    await other.hold(id);
    expect(await health()).toMatchObject({
      connectionStatus: 'Connected',
      isClientActive: true,
      clientInfo: { wid: { user: '491700000000', server: 'c.us' }, pushname: 'Shop' },
      reconnect: null,
    });
  });

  it('is reconnecting, with the attempt, and as healthy as its holder has judged', async () => {
    await other.hold(id);
    const change = {
      state: 'reconnecting',
      reason: 'connection_lost',
      attempt: 7,
      lastError: 'lost',
    } as const;
    await server.accounts.saveState(id, change);
    await server.db.updateTable('accounts').set({ told_health: 'Critical' }).where('id', '=', id).execute();
    expect(await health()).toMatchObject({
      isClientActive: false,
      clientInfo: null,
      lastError: 'lost',
      healthStatus: 'Critical',
      reconnect: { attempt: 7, nextAt: null },
    });
    expect((await server.ask('GET', `/accounts/${id}`)).body.data.healthStatus).toBe('Critical');
  });

  it('is not active once its holder is gone, whatever state it has left', async () => {
    await other.hold(id);
    await endRun(server.db, other.run);
    expect(await health()).toMatchObject({ isClientActive: false, clientInfo: null });
  });

  it('is what this instance knows, where it knows of it', async () => {
    held.add(id);
    await giveTo(server.db, id, own ?? expect.fail());
    const status = { isClientActive: false, clientInfo: null, lastError: 'seen here', reconnect: null };
    server.channel.statuses.set(id, status);
    expect(await health()).toMatchObject({ isClientActive: false, lastError: 'seen here' });
    server.channel.statuses.clear();
  });

  it('is linked by a code that is shown anywhere', async () => {
    id = await server.makeAccount();
    await other.hold(id);
    const expiresAt = new Date(Date.now() + 60_000);
    await server.accounts.saveQr(id, { text: 'a-code-of-the-other', expiresAt });
    expect((await server.ask('GET', `/qr-code/${id}`)).body.data).toMatchObject({
      qr: 'a-code-of-the-other',
    });
    await server.db.updateTable('accounts').set({ pairing: 'code' }).where('id', '=', id).execute();
    await server.accounts.savePairingCode(id, { text: 'ABCD1234', expiresAt });
    const { data } = (await server.ask('GET', `/pairing-code/${id}`)).body;
    expect(JSON.stringify(data).replaceAll('-', '')).toContain('ABCD1234');
  });
});

describe('a reaction', () => {
  const received = async () =>
    (await ingestEvents(server.db, id, [messageEvent('A1')], new Date())).added[0] ?? expect.fail();
  const react = async (emoji: string) =>
    server.ask('POST', `/messages/${await received()}/reaction`, { body: { emoji } });

  it('is given to the page where it is, and stored once', async () => {
    const session = new ScriptedSession(id);
    other.channel.connected.set(id, session);
    await other.hold(id);
    const { status, body } = await react('👍');
    expect([status, body.data.reactions]).toMatchObject([
      200,
      [{ emoji: '👍', senderId: '491700000099@c.us' }],
    ]);
    expect(session.reacted).toEqual([{ bareId: 'A1', emoji: '👍' }]);
  });

  it.each([
    ['MESSAGE_NOT_REACTABLE', 409, 'MESSAGE_NOT_REACTABLE'],
    ['SESSION_DEADLINE', 503, 'UNAVAILABLE'],
  ] as const)('that the page there answers with %s is answered %d %s', async (code, status, told) => {
    const session = new ScriptedSession(id);
    session.onReact = () => Promise.reject(new AppError(code));
    other.channel.connected.set(id, session);
    await other.hold(id);
    const answer = await react('👍');
    expect([answer.status, answer.body.error.code]).toEqual([status, told]);
  });

  it('is refused where the session is not connected, also elsewhere', async () => {
    await other.hold(id);
    const { status, body } = await react('👍');
    expect([status, body.error.code]).toEqual([409, 'ACCOUNT_NOT_CONNECTED']);
  });
});

describe('a sealed session', () => {
  it('is handed out once the instance that held it has made its copies, and closed there', async () => {
    await other.hold(id);
    server.vault.plain.set(id, { generation: 7, bytes: Buffer.from('plain') });
    const body = { passphrase: PASSPHRASE };
    const answer = await server.ask('POST', `/accounts/${id}/vault/export`, { body });
    expect([answer.status, answer.headers.get('x-vault-generation')]).toEqual([200, '7']);
    expect([callsOf(other.channel), copied]).toEqual([['release'], 1]);
    const confirmed = await server.ask('POST', `/accounts/${id}/vault/export/confirm`, {
      body: { generation: 7 },
    });
    expect(confirmed.status).toBe(200);
    expect(callsOf(other.channel)).toEqual(['release', 'abandon']);
    expect(server.channel.calls).toEqual([]);
  });

  it('is not imported over one that another instance still holds', async () => {
    const resting = makeAccountId();
    await server.db
      .insertInto('accounts')
      .values({ id: resting, tenant_id: 'default', daily_limit: 1, timezone: 'UTC' })
      .execute();
    await other.hold(resting);
    const importIt = () => importOf(resting);
    const { status, body } = await importIt();
    expect([status, body.error.code]).toEqual([409, 'ALREADY_LINKED']);
    await giveTo(server.db, resting, null);
    expect((await importIt()).status).toBe(201);
  });
});

async function importOf(accountId: AccountId, passphrase = PASSPHRASE) {
  const identity = { accountId, generation: 1, sealedAt: new Date() };
  const file = await sealed(Buffer.from('plain'), identity, makePassphraseLock(PASSPHRASE));
  const form = new FormData();
  form.append('passphrase', passphrase);
  form.append('file', new Blob([new Uint8Array(file)]), 'session.vault');
  return server.ask('POST', '/vault/import', { body: form });
}

describe('a link that another instance makes while a session is taken in here', () => {
  const LINK = { wid: '491700000098@c.us', phoneNumber: '+491700000098', profileName: 'Theirs' };

  beforeEach(() => () => {
    server.vault.meanwhile = undefined;
  });

  async function makeResting(): Promise<AccountId> {
    await server.channel.abandon(id);
    server.channel.calls.length = 0;
    return id;
  }

  async function linkAtOther(accountId: AccountId): Promise<void> {
    await other.hold(accountId);
    await server.accounts.saveStart(accountId, parseInstanceId('other'));
    await server.accounts.saveLinked(accountId, LINK);
  }

  /** Until the test is over, starts do this instead. */
  function failStart(start: () => Promise<never>): void {
    const usual = routed;
    onTestFinished(() => {
      routed = usual;
    });
    routed = { ...usual, start };
  }

  /** As the other instance has made it, whose session was left alone. */
  async function expectTheirs(accountId: AccountId): Promise<void> {
    const theirs = { linked: true, wanted: true, state: 'connected', phoneNumber: LINK.phoneNumber };
    expect(await server.accounts.getAccount(accountId)).toMatchObject(theirs);
    expect([server.channel.calls, other.channel.calls]).toEqual([[], []]);
  }

  it.each([
    ['was created for it', async () => makeAccountId()],
    ['rested', makeResting],
  ])('stays where the account %s, and the import is refused', async (_how, prepare) => {
    const accountId = await prepare();
    server.vault.meanwhile = () => linkAtOther(accountId);
    const { status, body } = await importOf(accountId);
    expect([status, body.error?.code]).toEqual([409, 'ALREADY_LINKED']);
    await expectTheirs(accountId);
    expect(server.vault.wiped).toContain(accountId);
  });

  it('is answered as an import where the account is to be connected, although its start fails here', async () => {
    const accountId = makeAccountId();
    failStart(async () => {
      await server.accounts.saveStart(accountId, server.deps.instanceId);
      throw new AppError('UNAVAILABLE');
    });
    expect((await importOf(accountId)).status).toBe(201);
    expect(await server.accounts.getAccount(accountId)).toMatchObject({ linked: true, wanted: true });
  });

  it('stays if the file is refused then', async () => {
    const accountId = makeAccountId();
    server.vault.meanwhile = () => linkAtOther(accountId);
    expect((await importOf(accountId, 'quite another sentence')).status).toBe(400);
    await expectTheirs(accountId);
  });

  it.each([
    ['was created for it', async () => makeAccountId()],
    ['rested', makeResting],
  ])('stays where the account %s and the start here fails', async (_how, prepare) => {
    const accountId = await prepare();
    failStart(async () => {
      await linkAtOther(accountId);
      throw full;
    });
    const { status, body } = await importOf(accountId);
    expect([status, body.error?.code]).toEqual([503, 'POOL_FULL']);
    await expectTheirs(accountId);
  });
});
