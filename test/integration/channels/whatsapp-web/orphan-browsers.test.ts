import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import type { Account } from '../../../../src/accounts/account.ts';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { endBrowsersOf, endOrphanBrowsers } from '../../../../src/channels/whatsapp-web/orphan-browsers.ts';
import { AppError } from '../../../../src/lib/errors.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

/** No other daemon of this machine, and no other test, has that name. */
const HERE = parseInstanceId(`here-${randomUUID()}`);
const OURS = makeAccountId();

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

interface Marks {
  readonly path: string;
  readonly accountId?: AccountId | undefined;
  readonly instanceId?: string | undefined;
}

/** Stands for a browser that has outlived its daemon, or is at work for another one. */
async function start({ path, accountId, instanceId }: Marks): Promise<ChildProcess> {
  const args = [
    `--user-data-dir=${path}/session-${accountId ?? 'mine'}`,
    ...(accountId === undefined ? [] : [`--switchboard-account=${accountId}`]),
    ...(instanceId === undefined ? [] : [`--switchboard-instance=${instanceId}`]),
  ];
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => 1, 1e6)', '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(child);
  await once(child.stdout, 'data');
  return child;
}

const isAlive = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

const store = {
  getAccount: async (id: AccountId) => {
    if (id !== OURS) throw new AppError('ACCOUNT_NOT_FOUND');
    return { id } as Account;
  },
};

const sweep = (log = new RecordingLogger()) =>
  endOrphanBrowsers({ paths: ['/run/profiles', '/data dir/live'], instanceId: HERE, store, log });

it.each<[string, Marks]>([
  ['of an account of ours', { path: '/run/profiles', accountId: OURS, instanceId: HERE }],
  ['below a path with a space', { path: '/data dir/live', accountId: OURS, instanceId: HERE }],
  ['of an account that is gone', { path: '/run/profiles', accountId: makeAccountId(), instanceId: HERE }],
  ['where profiles were opened before', { path: '/former/profiles', accountId: OURS, instanceId: HERE }],
])('ends a browser of an earlier run %s (F28)', async (_title, marks) => {
  const orphan = await start(marks);
  const ended = once(orphan, 'exit');
  const log = new RecordingLogger();
  await sweep(log);
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(log.lines).toMatchObject([
    {
      level: 'warn',
      message: 'A browser that outlived its daemon was ended',
      fields: { profilePath: `${marks.path}/session-${marks.accountId}`, accountId: marks.accountId },
    },
  ]);
});

it('leaves the browsers of other daemons and of people alone, wherever their profiles lie', async () => {
  const others = await Promise.all(
    [
      { path: '/run/profiles', accountId: makeAccountId(), instanceId: 'there' },
      { path: '/run/profiles', accountId: OURS, instanceId: 'there' },
      // Another database, whose daemon was given the same name.
      { path: '/former/profiles', accountId: makeAccountId(), instanceId: HERE },
      { path: '/run/profiles' },
    ].map(start),
  );
  await sweep();
  expect(others.map(isAlive)).toEqual([true, true, true, true]);
});

const THERE = parseInstanceId(`there-${randomUUID()}`);
const theirs = () => ({ path: '/their/profiles', accountId: makeAccountId(), instanceId: THERE });
const over = (accountIds: readonly AccountId[], isStillOurs = () => true) => ({
  accountIds,
  instanceId: THERE,
  isStillOurs,
});

it('ends every browser that an instance which is over had of these accounts, and no other', async () => {
  const marks = theirs();
  const orphan = await start(marks);
  const ended = once(orphan, 'exit');
  const others = [
    await start({ ...marks, accountId: OURS }),
    // Whoever took the account since.
    await start({ ...marks, instanceId: HERE }),
  ];
  const log = new RecordingLogger();
  expect(await endBrowsersOf(over([marks.accountId]), log)).toBe(true);
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(others.map(isAlive)).toEqual([true, true]);
  expect(log.lines).toMatchObject([{ message: 'A browser that outlived its daemon was ended' }]);
});

it('ends no more of them from the moment on in which it has no say any more', async () => {
  const marks = [theirs(), theirs()];
  const browsers = [await start(marks[0] ?? theirs()), await start(marks[1] ?? theirs())];
  const accountIds = marks.map(({ accountId }) => accountId);
  expect(
    await endBrowsersOf(
      over(accountIds, () => false),
      new RecordingLogger(),
    ),
  ).toBe(false);
  expect(browsers.map(isAlive)).toEqual([true, true]);
  let asked = 0;
  const onlyOnce = () => {
    asked += 1;
    return asked === 1;
  };
  expect(await endBrowsersOf(over(accountIds, onlyOnce), new RecordingLogger())).toBe(false);
  await expect.poll(() => browsers.filter(isAlive)).toHaveLength(1);
});
