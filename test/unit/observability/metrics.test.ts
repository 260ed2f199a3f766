import { expect, it, vi } from 'vitest';
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

it('leaves out a gauge that cannot be read and says so, shows the others, and shows it again afterwards', async () => {
  const metrics = new Metrics();
  const count = metrics.counter(SPEC);
  count('pear');
  let isAway = true;
  metrics.gauge({ ...SPEC, name: 'fruit' }, async () => {
    if (isAway) throw new Error('away');
    return new Map();
  });
  metrics.number({ name: 'weight', help: 'Weight.' }, async () => {
    if (isAway) throw new Error('away');
    return 7;
  });
  const without = await metrics.text();
  expect(parseSeries(without, 'fruit')).toEqual({});
  expect(without).not.toMatch(/^weight /m);
  expect(parseSeries(without, 'switchboard_metrics_unread')).toEqual({ fruit: 1, weight: 1 });
  expect(parseSeries(without, 'fruit_total')).toEqual({ apple: 0, pear: 1 });
  isAway = false;
  const whole = await metrics.text();
  expect(parseSeries(whole, 'fruit')).toEqual({ apple: 0, pear: 0 });
  expect(whole).toMatch(/^weight 7$/m);
  expect(parseSeries(whole, 'switchboard_metrics_unread')).toEqual({ fruit: 0, weight: 0 });
});

it('answers although a gauge hangs, which is not asked again until it has answered', async () => {
  vi.useFakeTimers();
  try {
    const metrics = new Metrics();
    const hung = Promise.withResolvers<number>();
    let reads = 0;
    metrics.number({ name: 'weight', help: 'Weight.' }, () => {
      reads += 1;
      return hung.promise;
    });
    for (let times = 0; times < 2; times += 1) {
      const text = metrics.text();
      await vi.runAllTimersAsync();
      expect(parseSeries(await text, 'switchboard_metrics_unread')).toEqual({ weight: 1 });
    }
    expect(reads).toBe(1);
    hung.resolve(7);
    await hung.promise;
    expect(await metrics.text()).toMatch(/^weight 7$/m);
  } finally {
    vi.useRealTimers();
  }
});

it('reads a gauge once for all who ask at the same time, and not while nobody asks', async () => {
  const metrics = new Metrics();
  let reads = 0;
  metrics.number({ name: 'weight', help: 'Weight.' }, async () => {
    reads += 1;
    return undefined;
  });
  expect(reads).toBe(0);
  const texts = await Promise.all([metrics.text(), metrics.text(), metrics.text()]);
  expect(reads).toBe(1);
  for (const text of texts) expect(text).not.toMatch(/^weight /m);
});

it('shows the rows of a table that there are now', async () => {
  const metrics = new Metrics();
  let rows = [{ labels: { kind: 'apple', state: 'ripe' }, value: 2 }];
  metrics.gaugeTable({ name: 'fruit', help: 'Fruit.', labels: ['kind', 'state'] }, async () => rows);
  expect(await metrics.text()).toMatch(/^fruit\{kind="apple",state="ripe"\} 2$/m);
  rows = [{ labels: { kind: 'pear', state: 'green' }, value: 1 }];
  const text = await metrics.text();
  expect(text).toMatch(/^fruit\{kind="pear",state="green"\} 1$/m);
  expect(text).not.toContain('apple');
});

it('times by buckets, each value from the start', async () => {
  const metrics = new Metrics();
  const observe = metrics.histogram({ ...SPEC, name: 'fruit_seconds', buckets: [1, 5] });
  observe('pear', 3);
  const text = await metrics.text();
  expect(parseSeries(text, 'fruit_seconds_count')).toEqual({ apple: 0, pear: 1 });
  expect(parseSeries(text, 'fruit_seconds_sum')).toEqual({ apple: 0, pear: 3 });
  expect(text).toMatch(/^fruit_seconds_bucket\{le="5",kind="pear"\} 1$/m);
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
