import { describe, expect, it } from 'vitest';
import type { TenantId } from '../../../src/accounts/ids.ts';
import { type Claimant, DeliveryPlaces, PLACES } from '../../../src/webhooks/delivery-places.ts';
import { HEALTHY } from '../../../src/webhooks/endpoint-breaker.ts';

const NOW = 1_000;

function webhooks(tenant: string, count: number): Claimant[] {
  return Array.from({ length: count }, (_each, nth) => ({
    id: `${tenant} ${nth}`,
    tenantId: tenant as TenantId,
    health: HEALTHY,
  }));
}

/** Hands out places while somebody may have one, to claimants that use all they are given. Returns how many each tenant has. */
function share(places: DeliveryPlaces, waiting: readonly Claimant[]): Record<string, number> {
  const had: Record<string, number> = {};
  for (let next = places.nextShare(waiting, NOW); next !== undefined; next = places.nextShare(waiting, NOW)) {
    const { claimant, count } = next;
    for (let nth = 0; nth < count; nth += 1) places.take(claimant);
    had[claimant.tenantId] = (had[claimant.tenantId] ?? 0) + count;
  }
  return had;
}

describe('places of deliveries', () => {
  it('are a quarter for one tenant, however many endpoints it has', () => {
    const places = new DeliveryPlaces();
    expect(share(places, webhooks('a', 20))).toEqual({ a: PLACES.inAll / 4 });
    expect(share(places, [...webhooks('a', 20), ...webhooks('b', 1)])).toEqual({ b: PLACES.ofWebhook });
  });

  it('are shared equally by tenants that want more than there are', () => {
    const waiting = Array.from({ length: 32 }, (_each, nth) => webhooks(`tenant ${nth}`, nth + 1)).flat();
    const had = share(new DeliveryPlaces(), waiting);
    expect(Object.keys(had)).toHaveLength(32);
    expect(new Set(Object.values(had))).toEqual(new Set([2]));
  });

  it('that become free go to the tenant that has the fewest, and there to the endpoint that has the fewest', () => {
    const places = new DeliveryPlaces();
    const many = ['a', 'b', 'c', 'd'].flatMap((tenant) => webhooks(tenant, 2));
    expect(share(places, many)).toEqual({ a: 16, b: 16, c: 16, d: 16 });
    const late = webhooks('late', 2);
    expect(places.nextShare([...many, ...late], NOW)).toBeUndefined();
    for (let nth = 0; nth < 2; nth += 1) {
      if (many[0] !== undefined) places.giveBack(many[0]);
      expect(places.nextShare([...many, ...late], NOW)).toEqual({ claimant: late[nth], count: 1 });
      if (late[nth] !== undefined) places.take(late[nth] as Claimant);
    }
  });

  it('are none for an endpoint that rests, and one to try whether it is back', () => {
    const [resting] = webhooks('a', 1).map((each) => ({
      ...each,
      health: { ...HEALTHY, restsUntil: NOW + 1 },
    }));
    const waiting = resting === undefined ? [] : [resting];
    const places = new DeliveryPlaces();
    for (const each of waiting) places.take(each);
    expect(places.nextShare(waiting, NOW)).toBeUndefined();
    expect(places.nextShare(waiting, NOW + 1)).toEqual({ claimant: resting, count: 1 });
  });
});
