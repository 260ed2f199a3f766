import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { openGuard } from '../../../../src/channels/whatsapp-web/guard.ts';
import type { GuardedSettings } from '../../../support/guarded-process.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

const SCRIPT = fileURLToPath(new URL('../../../support/guarded-process.ts', import.meta.url));

/** The guard's two sweeps are a second apart; what it misses stays for ever. */
const SWEPT_MS = 40_000;

/** Stays, with a process of its own that carries no mark, as a browser has. */
const BROWSER = 'sleep 600 & wait';

interface Guarded {
  readonly process: ChildProcess;
  readonly browser: number;
  readonly guard: number;
}

const started: Guarded[] = [];
const makeMark = () => `--switchboard-run=${randomUUID()}`;

afterEach(() => {
  for (const { process: daemon, browser } of started.splice(0)) {
    daemon.kill('SIGKILL');
    if (inGroup(browser).length > 0) process.kill(-browser, 'SIGKILL');
  }
});

async function start(
  program = BROWSER,
  mark = makeMark(),
  carried = mark,
  { isSilent = false, isWatched = false } = {},
): Promise<Guarded> {
  const settings: GuardedSettings = { mark, program, carried, isSilent, isWatched };
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const guarded = { process: child, ...(JSON.parse(line) as { browser: number; guard: number }) };
  started.push(guarded);
  return guarded;
}

function stat(pid: number): { state: string; group: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', , group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, group: Number(group) };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  const found = stat(pid);
  return found !== undefined && found.state !== 'Z';
}

/** Living processes of a group. */
function inGroup(group: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => isAlive(pid) && stat(pid)?.group === group);
}

/** Guards of this process. */
function findGuards(): number[] {
  const isGuard = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('guard.sh');
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number)
    .filter((pid) => isAlive(pid) && isGuard(pid));
}

const gone = (look: () => unknown) => expect.poll(look, { timeout: SWEPT_MS }).toEqual([]);

it('kills a browser that stands still when its daemon was killed, with all its processes (F28)', async () => {
  const daemon = await start();
  await expect.poll(() => inGroup(daemon.browser)).toHaveLength(2);
  process.kill(-daemon.browser, 'SIGSTOP');
  daemon.process.kill('SIGKILL');
  await gone(() => inGroup(daemon.browser));
  await gone(() => inGroup(daemon.guard));
});

it('kills what a browser that ended by itself has left (F28)', async () => {
  const daemon = await start('sleep 600 & exit');
  await expect.poll(() => isAlive(daemon.browser)).toBe(false);
  expect(inGroup(daemon.browser)).toHaveLength(1);
  daemon.process.kill('SIGKILL');
  await gone(() => inGroup(daemon.browser));
});

it('kills what is left of a browser that it was told of, though nothing of that carries a mark (F28)', async () => {
  const daemon = await start('sleep 600 & exit', makeMark(), '--none', { isWatched: true });
  await expect.poll(() => isAlive(daemon.browser)).toBe(false);
  process.kill(-daemon.browser, 'SIGSTOP');
  daemon.process.kill('SIGKILL');
  await gone(() => inGroup(daemon.browser));
});

it('knows what it was told when it is started again, and forgets what it is told to', async () => {
  const path = process.env.PATH;
  const log = new RecordingLogger();
  const leaders = [1, 2].map(() => spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).pid ?? 0);
  const [watched = 0, forgotten = 0] = leaders;
  try {
    const guard = await openGuard({ mark: makeMark(), path, log });
    for (const group of leaders) guard.watch(group);
    guard.forget(forgotten);
    const told = log.next('The guard of the browsers ended and is started again');
    process.kill(findGuards()[0] ?? 0, 'SIGKILL');
    await told;
    await expect.poll(findGuards).toHaveLength(1);
    guard.withholdGoodbye();
    await guard[Symbol.asyncDispose]();
    await gone(() => inGroup(watched));
    expect(inGroup(forgotten)).toHaveLength(1);
  } finally {
    for (const group of leaders) if (inGroup(group).length > 0) process.kill(-group, 'SIGKILL');
  }
});

it('meets a browser that is just being launched', async () => {
  const mark = makeMark();
  // It carries the mark a moment after its daemon was killed.
  const daemon = await start(`sleep 0.4; exec sh -c 'sleep 600; :' sh ${mark}`, mark, '--not-yet');
  daemon.process.kill('SIGKILL');
  await gone(() => inGroup(daemon.browser));
});

it('leaves the browsers of another daemon, and those that only mention the mark', async () => {
  const mark = makeMark();
  const [other, similar, killed] = [
    await start(),
    await start(BROWSER, `${mark}0`),
    await start(BROWSER, mark),
  ];
  killed.process.kill('SIGKILL');
  await gone(() => [...inGroup(killed.browser), ...inGroup(killed.guard)]);
  for (const each of [other, similar]) {
    expect(inGroup(each.browser)).toHaveLength(2);
    expect(isAlive(each.guard)).toBe(true);
  }
});

it('ends with a goodbye, and touches nothing', async () => {
  const daemon = await start();
  daemon.process.stdin?.end();
  await once(daemon.process, 'exit');
  expect(inGroup(daemon.guard)).toEqual([]);
  expect(inGroup(daemon.browser)).toHaveLength(2);
});

it('kills a browser that its daemon could not kill, once that has ended without a goodbye', async () => {
  const mark = makeMark();
  const daemon = await start(BROWSER, mark, mark, { isSilent: true });
  await expect.poll(() => inGroup(daemon.browser)).toHaveLength(2);
  daemon.process.stdin?.end();
  await once(daemon.process, 'exit');
  await gone(() => inGroup(daemon.browser));
  await gone(() => inGroup(daemon.guard));
});

it('survives what stops a daemon by a signal to all', async () => {
  const daemon = await start();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(-daemon.guard, signal);
  daemon.process.kill('SIGKILL');
  await gone(() => inGroup(daemon.browser));
});

it('holds nothing of its daemon but the pipe, and knows nothing of it', async () => {
  const daemon = await start();
  expect(readdirSync(`/proc/${daemon.guard}/fd`).filter((name) => Number(name) < 10)).toEqual([
    '0',
    '1',
    '2',
  ]);
  expect(readFileSync(`/proc/${daemon.guard}/environ`, 'utf8').split('\0').filter(Boolean)).toEqual([
    `PATH=${process.env.PATH}`,
  ]);
  expect(stat(daemon.guard)?.group).toBe(daemon.guard);
});

it('is started again when it ends by itself, and says so', async () => {
  const log = new RecordingLogger();
  const path = process.env.PATH;
  await using guard = await openGuard({ mark: makeMark(), path, log });
  const [first = 0] = findGuards();
  const told = log.next('The guard of the browsers ended and is started again');
  process.kill(first, 'SIGKILL');
  expect(await told).toMatchObject({ level: 'warn', fields: { cause: 'SIGKILL', attempt: 1 } });
  await expect.poll(findGuards).toHaveLength(1);
  expect(findGuards()).not.toContain(first);
  await guard[Symbol.asyncDispose]();
  expect(findGuards()).toEqual([]);
});

it('does not keep a daemon from its work where it cannot be started', async () => {
  const log = new RecordingLogger();
  await using _guard = await openGuard({ mark: '--switchboard-run=none', path: '/nowhere', log });
  await expect.poll(() => log.lines.length).toBeGreaterThan(0);
  expect(log.lines[0]?.fields.cause).toMatch(/ENOENT/);
});
