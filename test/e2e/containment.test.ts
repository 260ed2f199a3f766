import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { findProcessIds, openStage, type Stage } from '../support/stage.ts';

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

/** Messages that go through the other session while one is hit. */
const TRAFFIC = 20;

interface Line {
  readonly message: string;
  readonly accountId?: string;
  readonly error?: string;
  readonly recycled?: boolean;
  readonly reason?: string;
}

let stage: Stage;
let alice: Phone;
let hit: { accountId: string; phone: Phone };
let other: { accountId: string; phone: Phone };

beforeAll(async () => {
  stage = await openStage({
    env: { NODE_OPTIONS: `--import=${import.meta.resolve('../support/stray-errors.ts')}` },
  });
  alice = await stage.world.phone('alice');
  hit = await link('hit');
  other = await link('other');
});

afterAll(() => stage[Symbol.asyncDispose]());

async function link(name: string): Promise<{ accountId: string; phone: Phone }> {
  const phone = await stage.world.phone(name);
  return { phone, accountId: await stage.link(phone) };
}

function logged(message: string): Line[] {
  return readFileSync(join(stage.folder, 'logs', 'combined.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(message))
    .map((line) => JSON.parse(line) as Line);
}

/** Falls of a session so far. */
const falls = ({ accountId }: { accountId: string }) =>
  logged('The session fell and is started again').filter((line) => line.accountId === accountId);
const strays = () => logged('A session left an error that nobody caught');

async function receives({ accountId, phone }: typeof hit, text: string): Promise<void> {
  await alice.send(phone, text);
  await stage.api.message(accountId, text, (message) => message.text === text);
}

it.each([
  ['a string', 'reject a string', 'auth timeout'],
  ['an error', 'reject an error', 'nothing to be read here'],
  ['undefined', 'reject nothing', 'A non-error was thrown: undefined'],
  ['null, thrown in a callback', 'throw null later', 'A non-error was thrown: null'],
])(
  '%s that the library rejects recycles its session and leaves the other alone (A3, F14, F39)',
  async (...args) => {
    const [, text, error] = args;
    const [before, told] = [falls(hit).length, strays().length];
    const traffic = (async () => {
      for (let n = 0; n < TRAFFIC; n += 1) await alice.send(other.phone, `${text} ${n}`);
    })();
    await alice.send(hit.phone, text);
    await stage.api.until('The fall of the session', async () => falls(hit).length > before || undefined);
    await traffic;
    await stage.api.reached(hit.accountId, 'Connected');
    await receives(hit, `after: ${text}`);
    expect(falls(hit).slice(before)).toMatchObject([{ reason: 'library_fault' }]);
    expect(strays().slice(told)).toMatchObject([{ accountId: hit.accountId, error, recycled: true }]);
    expect(falls(other)).toEqual([]);
    for (const account of [hit, other]) {
      expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject(EQUAL);
    }
  },
);

it('what a handler throws back into the page costs neither its message nor those after it (F39)', async () => {
  const [before, told] = [falls(hit).length, strays().length];
  await receives(hit, 'throw in the handler');
  await receives(hit, 'after the throw');
  expect(await settleWithTruth(stage.api, stage.world, hit)).toMatchObject(EQUAL);
  expect([falls(hit).length, strays().length]).toEqual([before, told]);
});

it('a rejection that says only that a page has gone is logged, and nothing is recycled (A2)', async () => {
  const before = falls(hit).length;
  await receives(hit, 'reject since the page is gone');
  await stage.api.until('The line in the log', async () => strays().at(-1)?.recycled === false || undefined);
  await receives(hit, 'still there');
  expect(falls(hit)).toHaveLength(before);
});

it('a rejection of no session ends the daemon: drained, said, with code 1 and without a process left', async () => {
  const { pid } = stage.daemon();
  const guards = () => findProcessIds('/guard.sh').filter((each) => parentOf(each) === pid);
  expect(guards()).toHaveLength(1);
  const [guard = 0] = guards();
  process.kill(pid, 'SIGUSR2');
  expect(await stage.daemon().stop('SIGCONT')).toBe(1);
  expect(logged('An error that belongs to no session ends Switchboard')).toMatchObject([
    { error: 'a stray of nobody' },
  ]);
  expect(findProcessIds(stage.folder)).toEqual([]);
  expect(findProcessIds('/guard.sh')).not.toContain(guard);
  await stage.start();
  await stage.api.reached(hit.accountId, 'Connected');
  await stage.api.reached(other.accountId, 'Connected');
});

function parentOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}
