import { expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { measureInstances } from '../../../src/instances/instance-metrics.ts';
import { Metrics } from '../../../src/observability/metrics.ts';

it('shows the instances, and what this one holds and for how long, unless that is for ever', async () => {
  let leftMs = 14_500;
  const metrics = new Metrics();
  measureInstances(metrics, {
    instances: async () => 2,
    leases: { held: () => [makeAccountId()], leftMs: () => leftMs },
  });
  const read = async () =>
    (await metrics.text()).match(/^switchboard_(instances|leases|lease_remaining_seconds) .*$/gm);
  const always = ['switchboard_instances 2', 'switchboard_leases 1'];
  expect(await read()).toEqual([...always, 'switchboard_lease_remaining_seconds 14.5']);
  leftMs = 0;
  expect(await read()).toEqual([...always, 'switchboard_lease_remaining_seconds 0']);
  leftMs = Number.POSITIVE_INFINITY;
  expect(await read()).toEqual(always);
});
