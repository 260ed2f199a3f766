import { setTimeout as delay } from 'node:timers/promises';
import type { WorldClient } from '../../simulator/client.ts';
import { orAborted } from '../../src/lib/abort.ts';
import { nowMs } from '../instant.ts';
import type { Contender } from './contender.ts';

const AUTHORS = ['alice', 'bob', 'carol'];
/** The rate at which the time of each is measured, over all accounts together. */
const PACED_PER_SECOND = 20;
/** Far longer than a page ever takes to store what it is to show. */
const STORING_MS = 600_000;

export interface InboundRun {
  readonly world: WorldClient;
  readonly signal: AbortSignal;
}

/**
 * Messages a second of one burst. The pages have all of it in their own store before they show it, so what is measured is
 * the way from there on, and not the network's or the page's own pace.
 */
export async function measureBurst(
  contender: Contender,
  count: number,
  { world, signal }: InboundRun,
): Promise<number> {
  const { phones } = contender;
  for (const phone of phones) await phone.page({ do: 'hold' });
  const lists: string[][] = [];
  for (const to of phones) lists.push((await world.burst({ from: AUTHORS, to, count, text: 'burst' })).ids);
  for (const { name } of phones)
    await orAborted(world.waitFor({ drained: name }, { timeoutMs: STORING_MS }), signal);
  const { arrived } = await contender.awaitBurst(lists);
  const shownAt = nowMs();
  await Promise.all(phones.map((phone) => phone.page({ do: 'show' })));
  const arrivedAt = await orAborted(arrived, signal);
  return (count * phones.length * 1000) / (arrivedAt - shownAt);
}

/** How long each message took from the network to where the contender takes it, at a quiet pace; milliseconds. */
export async function measurePaced(
  contender: Contender,
  count: number,
  { world, signal }: InboundRun,
): Promise<readonly number[]> {
  const { phones } = contender;
  const { arrived } = await contender.awaitEach(count);
  const alice = await world.phone('alice');
  const ids: string[] = [];
  const begunAt = performance.now();
  for (let n = 0; n < count; n += 1) {
    const dueAt = begunAt + (n * 1000) / PACED_PER_SECOND;
    await delay(Math.max(0, dueAt - performance.now()), undefined, { signal });
    const phone = phones[n % phones.length];
    if (phone) ids.push((await alice.send(phone, `paced ${n}`)).id);
  }
  const at = await orAborted(arrived, signal);
  const times: number[] = [];
  for (const id of ids) {
    const { carriedAt } = await world.message(id);
    times.push((at.get(id) ?? Number.NaN) - carriedAt);
  }
  return times;
}
