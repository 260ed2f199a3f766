import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import {
  identifyProcess,
  type KnownProcess,
  listPlaces,
  type ProcessPlace,
} from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { ProcessFamilies } from '../../../../src/channels/whatsapp-web/process-families.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const SERVES_MS = 1_000;
const started: ChildProcess[] = [];

afterEach(() => {
  for (const { pid } of started.splice(0)) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
});

/** A process that leads a group, with a child of its own and one whose parent is gone. */
async function startFamily(): Promise<KnownProcess> {
  const script = 'sleep 600 & (sleep 600 &) ; echo up; wait';
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  await once(child.stdout, 'data');
  const known = identifyProcess(child.pid ?? 0);
  if (known === undefined) throw new Error('It did not start.');
  return known;
}

it('finds a process with its descendants and the rest of its group, and nobody by a number that was given again', async () => {
  const known = await startFamily();
  const families = new ProcessFamilies({ clock: new ManualClock(), servesMs: SERVES_MS });
  expect(families.find(known)).toHaveLength(3);
  expect(families.find(known)).toContain(known.pid);
  expect(families.find({ ...known, startedAt: '1' })).toEqual([]);
});

it('finds descendants that lead groups of their own, and no processes that have ended', () => {
  const place = (pid: number, parent: number, group: number, zombie = false): ProcessPlace => ({
    pid,
    parent,
    group,
    zombie,
    startedAt: '7',
  });
  const list = () => [
    place(9, 1, 9),
    place(10, 9, 10),
    place(11, 10, 10),
    place(12, 9, 9, true),
    place(13, 1, 13),
  ];
  const families = new ProcessFamilies({ clock: new ManualClock(), servesMs: SERVES_MS, list });
  expect(families.find({ pid: 9, startedAt: '7' })).toEqual([9, 10, 11]);
});

it.each([10, 100])('looks at the machine once for %i sessions, and again when the look is old', (count) => {
  const clock = new ManualClock();
  let looks = 0;
  const list = () => {
    looks += 1;
    return listPlaces();
  };
  const families = new ProcessFamilies({ clock, servesMs: SERVES_MS, list });
  const askAll = () => {
    for (let pid = 1; pid <= count; pid += 1) families.find({ pid, startedAt: '' });
  };
  askAll();
  clock.advance(SERVES_MS - 1);
  askAll();
  expect(looks).toBe(1);
  clock.advance(1);
  askAll();
  expect(looks).toBe(2);
});
