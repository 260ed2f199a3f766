import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { type Guard, openGuard } from '../../../../src/channels/whatsapp-web/guard.ts';
import type { GuardedSettings } from '../../../support/guarded-process.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

const SCRIPT = fileURLToPath(new URL('../../../support/guarded-process.ts', import.meta.url));
const FAR_MS = 600_000;
/** Beside many others, a sweep takes its time. */
const SWEPT_MS = 40_000;
const RESTARTED = 'The guard of the browsers ended and is started again';

const started: ChildProcess[] = [];
const groups: number[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  for (const group of groups.splice(0)) if (isAlive(group)) process.kill(-group, 'SIGKILL');
});

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

const gone = (pid: number) => expect.poll(() => isAlive(pid), { timeout: SWEPT_MS }).toBe(false);
const makeMark = () => `--switchboard-run=${randomUUID()}`;
const open = (mark: string, log = new RecordingLogger()) => openGuard({ mark, path: process.env.PATH, log });
const allow = (guard: Guard, ms: number) => guard.allowUntil(uptime() * 1_000 + ms);

/** Carries the mark, as a browser does; answers its group. */
function launch(mark: string): number {
  const child = spawn('sh', ['-c', 'sleep 600; :', 'sh', mark], { detached: true, stdio: 'ignore' });
  groups.push(child.pid ?? 0);
  return child.pid ?? 0;
}

/** Resolves when another guard, whose moment comes so much later, has killed its browser. */
async function untilOtherKills(ms: number): Promise<void> {
  const mark = makeMark();
  const browser = launch(mark);
  await using other = await open(mark);
  allow(other, ms);
  await gone(browser);
}

it('kills the browsers of a daemon that stands still at the moment until which it may run them', async () => {
  const mark = makeMark();
  const settings: GuardedSettings = {
    mark,
    program: 'sleep 600 & wait',
    carried: mark,
    isSilent: false,
    isWatched: true,
    allowedMs: 2_000,
  };
  const daemon = spawn(process.execPath, [SCRIPT, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  started.push(daemon);
  const [line] = (await once(daemon.stdout.setEncoding('utf8'), 'data')) as [string];
  const { browser } = JSON.parse(line) as { browser: number };
  groups.push(browser);
  daemon.kill('SIGSTOP');
  expect(isAlive(browser)).toBe(true);
  await gone(browser);
  // A browser that it was about to launch.
  await gone(launch(mark));
  expect(isAlive(daemon.pid ?? 0)).toBe(true);
});

it('leaves them if it is told a later moment before, and goes on guarding after one has passed', async () => {
  const mark = makeMark();
  const browser = launch(mark);
  await using guard = await open(mark);
  guard.watch(browser);
  allow(guard, 1_000);
  allow(guard, FAR_MS);
  await untilOtherKills(2_000);
  expect(isAlive(browser)).toBe(true);

  guard.allowUntil(0);
  await gone(browser);
  guard.forget(browser);
  allow(guard, FAR_MS);
  const next = launch(mark);
  guard.watch(next);
  await untilOtherKills(2_000);
  expect(isAlive(next)).toBe(true);
  allow(guard, 100);
  await gone(next);
});

it('knows the moment when it is started again; what the former one was told is over', async () => {
  const mark = makeMark();
  const browser = launch(mark);
  const log = new RecordingLogger();
  await using guard = await open(mark, log);
  allow(guard, 3_000);
  const killGuard = async () => {
    const again = log.next(RESTARTED);
    for (const pid of findGuards()) process.kill(pid, 'SIGKILL');
    await again;
    await expect.poll(findGuards, { timeout: SWEPT_MS }).toHaveLength(1);
  };
  await killGuard();
  allow(guard, FAR_MS);
  await untilOtherKills(5_000);
  expect(isAlive(browser)).toBe(true);
  allow(guard, 3_000);
  await killGuard();
  await gone(browser);
});

/** Guards of this process. */
function findGuards(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number)
    .filter((pid) => isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('guard.sh'));
}
