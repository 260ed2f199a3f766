import { expect, it } from 'vitest';
import { Metrics } from '../../../src/observability/metrics.ts';
import { parseSeries } from '../../support/metric-series.ts';

const SPEC = { name: 'fruit_total', help: 'Fruit.', label: 'kind', values: ['apple', 'pear'] } as const;

it('shows every series from the start, and what was counted', async () => {
  const metrics = new Metrics();
  const count = metrics.counter(SPEC);
  expect(parseSeries(await metrics.text(), 'fruit_total')).toEqual({ apple: 0, pear: 0 });
  count('pear');
  count('pear');
  expect(parseSeries(await metrics.text(), 'fruit_total')).toEqual({ apple: 0, pear: 2 });
});

it('reads a gauge whenever it is asked, and shows 0 for what is not there any more', async () => {
  const metrics = new Metrics();
  let found = new Map<'apple' | 'pear', number>([['apple', 3]]);
  metrics.gauge({ ...SPEC, name: 'fruit' }, async () => found);
  expect(parseSeries(await metrics.text(), 'fruit')).toEqual({ apple: 3, pear: 0 });
  found = new Map([['pear', 1]]);
  expect(parseSeries(await metrics.text(), 'fruit')).toEqual({ apple: 0, pear: 1 });
});

it('rejects while a gauge cannot be read, and shows it again afterwards', async () => {
  const metrics = new Metrics();
  let isAway = true;
  metrics.gauge({ ...SPEC, name: 'fruit' }, async () => {
    if (isAway) throw new Error('away');
    return new Map();
  });
  await expect(metrics.text()).rejects.toThrow('away');
  isAway = false;
  expect(parseSeries(await metrics.text(), 'fruit')).toEqual({ apple: 0, pear: 0 });
});

it('shares nothing with other figures of the same process', async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.counter(SPEC)('apple');
  other.counter(SPEC);
  expect(parseSeries(await other.text(), 'fruit_total')).toEqual({ apple: 0, pear: 0 });
});

it('shows the process and the lag of its event loop', async () => {
  const metrics = new Metrics();
  metrics.addProcess();
  const text = await metrics.text();
  for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds'])
    expect(text).toMatch(new RegExp(`^${name} `, 'm'));
});
