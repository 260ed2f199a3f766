import { availableParallelism } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultSpec, Phone } from '../../../../simulator/client.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import type { ReasonCode } from '../../../../src/accounts/reason.ts';
import { findUntold } from '../../../support/operator-view.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { scaled } from '../../../support/scale.ts';
import { StagedAccount } from '../../../support/staged-account.ts';

const UNHOOKED = 'The page lacks parts that the library listens by';

let stage: PoolStage;
let alice: Phone;

beforeAll(async () => {
  stage = await PoolStage.open();
  alice = await stage.world.phone('alice');
});

afterEach(async () => {
  await stage.world.faults.clear();
  await stage.world.server(true);
});

afterAll(async () => {
  const missing = await stage.world.missingModules();
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
});

const set = (spec: FaultSpec) => stage.world.faults.set(spec);

describe('an account that is not linked', () => {
  let phone: Phone;
  let accountId: AccountId;
  let count = 0;

  beforeEach(async () => {
    count += 1;
    phone = await stage.world.phone(`fresh-${count}`);
    accountId = await stage.create();
  });

  afterEach(async () => {
    await stage.pool.disconnect(accountId);
    expect(stage.browsers(accountId)).toEqual([]);
    expect(findUntold(stage, accountId)).toEqual([]);
  });

  /** It is connected, once, and carries messages both ways. */
  const works = async () => {
    await new StagedAccount(stage, { id: accountId, phone, peer: alice }).comesBack(1);
    expect(stage.of(accountId).connections).toHaveLength(1);
  };

  it('launches no browser on a disk that has no room for it, and is tried again (F43)', async () => {
    await stage.reopen({ timings: { freeDiskBytes: 2 ** 52 } });
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'reconnecting', 'disk_full', 2);
    expect(stage.browsers(accountId)).toEqual([]);
    await stage.reopen();
  });

  it('shows a new QR when the references are used up (A6, F24)', async () => {
    await stage.pool.start(accountId);
    const first = await stage.qr(accountId);
    await stage.world.exhaustQr();
    const second = await stage.until('another QR', () => stage.of(accountId).qrs.find((qr) => qr !== first));
    await phone.scan(String(second));
    await works();
  });

  it('shows no QR without a reference, and none twice (F5, F24)', async () => {
    await stage.pool.start(accountId);
    const first = await stage.qr(accountId);
    await stage.world.page({ do: 'push-state', times: 3 });
    await stage.world.page({ do: 'iframe', times: 3 });
    await stage.world.page({ do: 'null-ref' });
    await stage.world.rotateQr();
    const second = await stage.until('another QR', () => stage.of(accountId).qrs.find((qr) => qr !== first));
    expect(stage.of(accountId).qrs).toEqual([first, second]);
    await phone.scan(String(second));
    await works();
  });

  it('is given up if no code can be shown for long, and its slot is free again (F13)', async () => {
    await stage.reopen({ timings: { linkDeadlineMs: 2_000 }, maxConnections: 1 });
    await set({ kind: 'page', mode: 'status', status: 500 });
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'disconnected', 'no_code');
    expect(await stage.rested(accountId)).toMatchObject({ state: 'disconnected', wanted: false });
    expect(stage.browsers(accountId)).toEqual([]);
    await stage.world.faults.clear();
    await stage.reopen();
    await stage.pool.start(accountId);
    await stage.scan(accountId, phone);
    await works();
  });

  it("acknowledges the What's-new dialog, so that a fresh link lasts (A8)", async () => {
    await set({ kind: 'whats-new', mode: 'demand', delayMs: 2_000, phone: phone.name });
    await stage.pool.start(accountId);
    await stage.scan(accountId, phone);
    await stage.connected(accountId);
    await stage.world.waitFor({ whatsNewSeen: phone.name });
    await works();
  });

  it("acknowledges a What's-new dialog that opens when it has been ready for a while (A8)", async () => {
    await set({ kind: 'whats-new', mode: 'demand', opensMs: 1_000, phone: phone.name });
    await stage.pool.start(accountId);
    await stage.scan(accountId, phone);
    await stage.connected(accountId);
    await stage.world.waitFor({ whatsNewSeen: phone.name });
    await works();
  });

  it('is linked though the modules of its page are registered one after another (A1)', async () => {
    await set({ kind: 'modules', mode: 'late', delayMs: 2_000 });
    await stage.pool.start(accountId);
    await stage.scan(accountId, phone);
    await works();
  });

  it('is linked, and nothing is written outside the given folders (A21)', async () => {
    const cwd = process.cwd();
    process.chdir('/proc/self/fdinfo');
    try {
      await stage.pool.start(accountId);
      await stage.scan(accountId, phone);
      await works();
    } finally {
      process.chdir(cwd);
    }
  });

  it('is refused to another phone than the one that was named, which is unlinked again', async () => {
    const named = await stage.create({ expected: '+4915111111111' });
    await stage.pool.start(named);
    await stage.scan(named, phone);
    await stage.reached(named, 'disconnected', 'wrong_phone');
    await stage.rested(named);
    await stage.world.waitFor({ unlinked: phone.name });
    expect(stage.browsers(named)).toEqual([]);
    expect(stage.hasProfile(named)).toBe(false);
  });

  it('is refused to a phone that another account holds, which keeps its link', async () => {
    const holder = await stage.link(phone);
    await stage.pool.start(accountId);
    await stage.scan(accountId, phone);
    await stage.reached(accountId, 'disconnected', 'already_linked');
    await stage.rested(accountId);
    expect(stage.hasProfile(accountId)).toBe(false);
    expect((await phone.view()).devices).toHaveLength(1);
    await stage.pool.disconnect(holder);
  });
});

describe('a server that is not there', () => {
  let phone: Phone;
  let accountId: AccountId;
  let count = 0;

  beforeEach(async () => {
    count += 1;
    phone = await stage.world.phone(`unserved-${count}`);
    accountId = await stage.link(phone);
    await stage.reopen();
  });

  afterEach(async () => {
    await stage.pool.disconnect(accountId);
    expect(stage.browsers(accountId)).toEqual([]);
    expect(findUntold(stage, accountId)).toEqual([]);
  });

  const comesBack = async () => {
    await stage.world.faults.clear();
    await stage.world.server(true);
    const account = new StagedAccount(stage, { id: accountId, phone, peer: alice });
    await account.comesBack();
    expect(account.codes()).toBe(1);
  };

  it('refuses connections: the session tries again, one browser at a time, until it is there (F11)', async () => {
    await stage.world.server(false);
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'reconnecting', 'page_unreachable');
    await stage.until('a second try', () => (stage.pool.findStatus(accountId)?.reconnect?.attempt ?? 0) >= 2);
    await comesBack();
  });

  it.each<[string, FaultSpec, ReasonCode]>([
    ['cuts connections (F11)', { kind: 'page', mode: 'reset' }, 'page_unreachable'],
    ['never answers (A5, F12)', { kind: 'page', mode: 'hang' }, 'page_unreachable'],
    ['answers 500 (F13)', { kind: 'page', mode: 'status', status: 500 }, 'launch_failed'],
    ['answers a page without WhatsApp (F13)', { kind: 'page', mode: 'blank' }, 'launch_failed'],
  ])('%s: the session gives up in time and comes back', async (_title, fault, reason) => {
    await stage.reopen({ timings: { startDeadlineMs: 5_000 } });
    await set(fault);
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'reconnecting', reason);
    await comesBack();
  });

  it('withholds the login of a page that then stands still, which is seen at once (A5, F9)', async () => {
    const fault = await set({ kind: 'login', mode: 'hang', phone: phone.name });
    await stage.pool.start(accountId);
    await stage.world.waitFor({ fault: fault.id, struck: 1 });
    const account = new StagedAccount(stage, { id: accountId, phone, peer: alice });
    const before = account.falls().length;
    for (const pid of account.processes('--type=renderer')) process.kill(pid, 'SIGSTOP');
    await stage.reached(accountId, 'reconnecting', 'page_unresponsive');
    expect(account.falls()[before]).toMatchObject({ reason: 'page_unresponsive' });
    await comesBack();
  });

  it('withholds the login: the session gives up in time and comes back (A5)', async () => {
    await stage.reopen({ timings: { startDeadlineMs: 3_000 } });
    const fault = await set({ kind: 'login', mode: 'hang', phone: phone.name });
    await stage.pool.start(accountId);
    await stage.world.waitFor({ fault: fault.id, struck: 1 });
    await stage.reached(accountId, 'reconnecting', 'start_overdue');
    await stage.world.faults.clear();
    await stage.reopen();
    await stage.pool.start(accountId);
    await comesBack();
  });
});

describe('a linked account that starts', () => {
  let phone: Phone;
  let accountId: AccountId;

  beforeAll(async () => {
    await stage.reopen();
    phone = await stage.world.phone('linked');
    accountId = await stage.link(phone);
  });

  beforeEach(async () => {
    await stage.reopen();
  });

  afterAll(async () => {
    await stage.pool.disconnect(accountId);
  });

  const account = () => new StagedAccount(stage, { id: accountId, phone, peer: alice });

  /** What was told live of reactions to a message, or of votes in it. */
  const listTold = (kind: 'reaction' | 'vote', bareId: string) =>
    stage
      .of(accountId)
      .events.filter((event) => event.kind === kind && 'key' in event && event.key.bareId === bareId);

  const warnings = () => stage.log.lines.filter(({ message }) => message === UNHOOKED);

  /** A reaction to a message is told, once. */
  const reacts = async (text: string) => {
    const { id } = await alice.send(phone, text);
    await stage.received(accountId, text);
    await alice.react(id, '👍');
    await stage.until('the reaction', () => listTold('reaction', id).length > 0);
    expect(listTold('reaction', id)).toMatchObject([{ emoji: '👍' }]);
  };

  const restart = async () => {
    const before = stage.of(accountId).connections.length;
    await stage.pool.restore();
    await stage.connected(accountId, before + 1);
  };

  it.each<[string, FaultSpec]>([
    ['has synced before anybody listens (A4, F26)', { kind: 'sync', mode: 'before-injection', count: 1 }],
    ['syncs in the moment of its connection (A4, F26)', { kind: 'sync', mode: 'at', delayMs: 0, count: 1 }],
    ['syncs 40 ms after its connection (A4, F26)', { kind: 'sync', mode: 'at', delayMs: 40, count: 1 }],
    ['syncs late', { kind: 'sync', mode: 'at', delayMs: 2_000, count: 1 }],
    ['is served late (A5)', { kind: 'page', mode: 'slow', delayMs: 3_000, count: 1 }],
    ['waits for its scripts (A5)', { kind: 'page', mode: 'slow-scripts', delayMs: 3_000, count: 1 }],
    [
      'registers its modules one after another (A1)',
      { kind: 'modules', mode: 'late', delayMs: 3_000, count: 1 },
    ],
    ['logs in late', { kind: 'login', mode: 'slow', delayMs: 2_000, count: 1 }],
    ['has its line cut at the first login', { kind: 'login', mode: 'reset', count: 1 }],
    [
      'reloads in the middle of injection (A2, F22)',
      // The first time it is only asked whether it is there.
      { kind: 'reload-on-require', mode: 'WAWebConnModel', after: 1, count: 1 },
    ],
    [
      'reloads a moment after injection began (A2)',
      { kind: 'reload-on-require', mode: 'WAWebSocketModel', delayMs: 30, count: 1 },
    ],
    [
      'reloads while the listeners are attached (A2, F6)',
      { kind: 'reload-on-require', mode: 'WAWebSyncGatingUtils', delayMs: 0, after: 1, count: 1 },
    ],
  ])('is ready though its page %s', async (_title, fault) => {
    await set({ ...fault, phone: phone.name } as FaultSpec);
    const browsersEnded = stage.of(accountId).states.filter(({ state }) => state === 'reconnecting').length;
    await restart();
    expect(stage.of(accountId).states.filter(({ state }) => state === 'reconnecting')).toHaveLength(
      browsersEnded,
    );
    const text = `after ${JSON.stringify(fault)}`;
    await account().receives(text);
  });

  it('is ready though its page has synced before the last of its modules is there (A1)', async () => {
    const falls = account().falls().length;
    await set({ kind: 'sync', mode: 'at', delayMs: 0, phone: phone.name, count: 1 });
    await set({ kind: 'modules', mode: 'late', delayMs: 3_000, phone: phone.name, count: 1 });
    await restart();
    await account().receives('told once, with the last module');
    expect(account().falls()).toHaveLength(falls);
  });

  it('tells reactions and votes though their tables are the last of its modules (A1)', async () => {
    await set({ kind: 'modules', mode: 'late-tables', delayMs: 1_500, phone: phone.name, count: 1 });
    await restart();
    await reacts('to be reacted to');
    const poll = await alice.sendPoll(phone, { name: 'When?', options: ['now', 'later'] });
    await stage.until('the poll', () => stage.messages(accountId).some(({ key }) => key.bareId === poll.id));
    await alice.vote(poll.id, ['later']);
    await stage.until('the vote', () => listTold('vote', poll.id).length > 0);
    expect(listTold('vote', poll.id)).toMatchObject([{ choices: [1] }]);
    expect(warnings()).toEqual([]);
  });

  it('is ready though those tables never come, which is logged (A1)', async () => {
    await stage.reopen({ timings: { hooksGraceMs: 200 } });
    await set({ kind: 'modules', mode: 'late-tables', delayMs: 3_600_000, phone: phone.name, count: 1 });
    await restart();
    await account().receives('without tables');
    await stage.until('a warning', () => warnings().length > 0);
    const missing = ['WAWebAddonReactionTableMode', 'WAWebAddonPollVoteTableMode'];
    expect(warnings()).toMatchObject([{ level: 'warn', fields: { missing } }]);
  });

  it('is ready though its page never loads to the end', async () => {
    const falls = account().falls().length;
    await stage.reopen({ timings: { pageLoadGraceMs: 1_000 } });
    await set({ kind: 'page', mode: 'unfinished', phone: phone.name, count: 1 });
    await restart();
    expect(account().falls()).toHaveLength(falls);
  });

  it('starts anew when its page never syncs (A4)', async () => {
    await stage.reopen({ timings: { readyDeadlineMs: 2_000 } });
    await set({ kind: 'sync', mode: 'never', phone: phone.name, count: 1 });
    const before = stage.of(accountId).connections.length;
    await stage.pool.restore();
    await stage.reached(accountId, 'reconnecting', 'start_overdue');
    await account().comesBack(before + 1);
    expect(findUntold(stage, accountId)).toEqual([]);
  });
});

it('does not let accounts that wait for their login keep others from starting (A19)', async () => {
  const stuck = await Promise.all(
    Array.from({ length: availableParallelism() }, (_, n) => stage.world.phone(`stuck-${n}`)),
  );
  const accounts = await Promise.all(stuck.map((phone) => stage.link(phone)));
  await stage.reopen({ timings: { launchGateMs: 1_000 } });
  for (const phone of stuck) await set({ kind: 'login', mode: 'hang', phone: phone.name });
  await stage.pool.restore();
  const another = await stage.create();
  await stage.pool.start(another);
  await stage.qr(another);
  for (const accountId of accounts) {
    expect(stage.of(accountId).states.filter(({ state }) => state === 'reconnecting')).toEqual([]);
  }
  for (const accountId of [another, ...accounts]) await stage.pool.disconnect(accountId);
  await stage.reopen();
});

it('makes many linked accounts ready that start at once (A19; of ten, the library alone brings up four)', async () => {
  const many = scaled(5, 10);
  const phones = await Promise.all(Array.from({ length: many }, (_, n) => stage.world.phone(`many-${n}`)));
  const accounts = await Promise.all(phones.map((phone) => stage.link(phone)));
  await stage.reopen();
  await stage.pool.restore();
  await Promise.all(accounts.map((accountId) => stage.connected(accountId, 2)));
  for (const [at, phone] of phones.entries()) {
    const account = new StagedAccount(stage, { id: accounts[at] as AccountId, phone, peer: alice });
    await account.receives('to one of many');
    expect(account.falls()).toEqual([]);
    await account.endsWell();
  }
});
