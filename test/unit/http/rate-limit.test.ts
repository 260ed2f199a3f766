import { describe, expect, it } from 'vitest';
import { addressToNetwork, makeRateLimits } from '../../../src/http/rate-limit.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { noSharedCalls } from '../../support/no-shared-calls.ts';
import { silentLog } from '../../support/silent-log.ts';

describe('the address of a caller', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s stands for %s', (address, network) => {
    expect(addressToNetwork(address)).toBe(network);
  });
});

describe('limits', () => {
  function open(requestsPerKey: number) {
    const told: Record<string, string>[] = [];
    const tell = (headers: Readonly<Record<string, string>>) => void told.push(headers);
    const clock = new ManualClock();
    const limits = makeRateLimits({ requestsPerKey, shared: noSharedCalls, clock, log: silentLog });
    return { limits, told, tell };
  }

  it('are told in the fields of the draft, also by a refusal', async () => {
    const { limits, told, tell } = open(1);
    const caller = { address: '192.0.2.7', identity: 'k' };
    await limits.takeRequest(caller, tell);
    await expect(limits.takeRequest(caller, tell)).rejects.toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      details: { retryAfterSeconds: 60 },
    });
    const policy = '"key";q=1;w=60, "address";q=10;w=60';
    expect(told).toEqual([
      { 'ratelimit-policy': policy, ratelimit: '"key";r=0;t=60, "address";r=9;t=60' },
      { 'ratelimit-policy': policy, ratelimit: '"key";r=0;t=60, "address";r=9;t=60' },
    ]);
  });

  it('of requests are none for 0, and failures are limited all the same', async () => {
    const { limits, told, tell } = open(0);
    for (let count = 0; count < 100; count += 1) {
      await limits.takeRequest({ address: '::1', identity: 'k' }, tell);
      await limits.takeFailure('::1', () => undefined);
    }
    expect(told).toEqual([]);
    await expect(limits.takeFailure('::1', tell)).rejects.toMatchObject({ code: 'RATE_LIMIT_EXCEEDED' });
    expect(told[0]?.['ratelimit-policy']).toBe('"failed-authentication";q=100;w=60');
  });
});
