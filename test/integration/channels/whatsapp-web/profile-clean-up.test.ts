import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AccountId, makeAccountId } from '../../../../src/accounts/ids.ts';
import { removeOrphanProfiles } from '../../../../src/channels/whatsapp-web/profile-clean-up.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { openTemporaryFolder } from '../../../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;

let stack: AsyncDisposableStack;
let livePath: string;
/** Stands at the present, since the age of a folder is the file system's to tell. */
let clock: ManualClock;
let kept: ReadonlySet<AccountId>;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  livePath = stack.use(await openTemporaryFolder()).path;
  clock = new ManualClock(Date.now());
  kept = new Set();
});
afterEach(() => stack.disposeAsync());

async function makeProfile(id: AccountId, suffix = ''): Promise<string> {
  const name = `session-${id}${suffix}`;
  await mkdir(join(livePath, name, 'Default'), { recursive: true });
  await writeFile(join(livePath, name, 'Default', 'Cookies'), 'x');
  return name;
}

function cleanUp(): Promise<number> {
  return removeOrphanProfiles(livePath, { clock, log: silentLog, isKept: async () => kept });
}

it('removes remnants after an hour, and profiles whose account is gone after a month', async () => {
  const [gone, living] = [makeAccountId(), makeAccountId()];
  kept = new Set([living]);
  const stays = await makeProfile(living);
  const orphan = await makeProfile(gone);
  const remnants = [
    await makeProfile(gone, `.removed-${crypto.randomUUID()}`),
    await makeProfile(living, `.opening-${crypto.randomUUID()}`),
    await makeProfile(living, `.copy-${crypto.randomUUID()}`),
  ];
  clock.advance(HOUR_MS - 60_000);
  expect(await cleanUp()).toBe(0);
  expect((await readdir(livePath)).sort()).toEqual([stays, orphan, ...remnants].sort());
  clock.advance(120_000);
  expect(await cleanUp()).toBe(3);
  expect((await readdir(livePath)).sort()).toEqual([stays, orphan].sort());
  clock.advance(30 * 24 * HOUR_MS);
  expect(await cleanUp()).toBe(1);
  expect(await readdir(livePath)).toEqual([stays]);
  expect(await readdir(join(livePath, stays, 'Default'))).toEqual(['Cookies']);
});

it('never touches a profile that a browser uses', async () => {
  const name = await makeProfile(makeAccountId());
  clock.advance(31 * 24 * HOUR_MS);
  const browser = spawn('sh', ['-c', 'echo up; read line', `--user-data-dir=${join(livePath, name)}`]);
  const ended = once(browser, 'exit');
  await once(browser.stdout, 'data');
  expect(await cleanUp()).toBe(0);
  expect(await readdir(livePath)).toEqual([name]);
  browser.stdin.end();
  await ended;
  expect(await cleanUp()).toBe(1);
  expect(await readdir(livePath)).toEqual([]);
});

it('leaves alone what is no profile', async () => {
  const names = [
    'session-',
    'session-shop',
    `${makeAccountId()}`,
    'guard.sock',
    `session-${makeAccountId()}.lock`,
  ];
  for (const name of names) await mkdir(join(livePath, name));
  const file = `session-${makeAccountId()}`;
  await writeFile(join(livePath, file), 'x');
  clock.advance(31 * 24 * HOUR_MS);
  expect(await cleanUp()).toBe(0);
  expect((await readdir(livePath)).sort()).toEqual([...names, file].sort());
});
