import type { TenantId } from '../accounts/ids.ts';
import { type EndpointHealth, lanesOpen } from './endpoint-breaker.ts';

/** Deliveries under way to one endpoint, of one tenant, and of all: whose endpoints hang do not keep other tenants out. */
export const PLACES = { ofWebhook: 8, ofTenant: 16, inAll: 64 } as const;

/** A webhook that may want places. */
export interface Claimant {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly health: EndpointHealth;
}

/** Who has how many of the places in which deliveries are made, and who is to have the next. */
export class DeliveryPlaces {
  readonly #ofWebhook = new Map<string, number>();
  readonly #ofTenant = new Map<TenantId, number>();
  #inAll = 0;

  take({ id, tenantId }: Claimant): void {
    count(this.#ofWebhook, id, 1);
    count(this.#ofTenant, tenantId, 1);
    this.#inAll += 1;
  }

  giveBack({ id, tenantId }: Claimant): void {
    count(this.#ofWebhook, id, -1);
    count(this.#ofTenant, tenantId, -1);
    this.#inAll -= 1;
  }

  get isFull(): boolean {
    return this.#inAll >= PLACES.inAll;
  }

  /**
   * Who of those that wait comes next, and how many places it may have: of the tenants the one that has the fewest, of its
   * webhooks the one that has the fewest, of several such the first. Undefined if nobody may have one.
   */
  nextShare<C extends Claimant>(
    waiting: Iterable<C>,
    now: number,
  ): { readonly claimant: C; readonly count: number } | undefined {
    const tenants = new Set<TenantId>();
    let next: C | undefined;
    for (const claimant of waiting) {
      if (this.#openTo(claimant, now) <= 0) continue;
      tenants.add(claimant.tenantId);
      if (next === undefined || this.#hasFewer(claimant, next)) next = claimant;
    }
    if (next === undefined) return undefined;
    const share = Math.max(1, Math.floor((PLACES.inAll - this.#inAll) / tenants.size));
    return { claimant: next, count: Math.min(this.#openTo(next, now), share) };
  }

  #openTo({ id, tenantId, health }: Claimant, now: number): number {
    const lanes = lanesOpen(health, now, PLACES.ofWebhook);
    // What was under way when an endpoint began to rest does not keep it from being tried.
    const ofWebhook = health.restsUntil === null ? lanes - (this.#ofWebhook.get(id) ?? 0) : lanes;
    const ofTenant = PLACES.ofTenant - (this.#ofTenant.get(tenantId) ?? 0);
    return Math.min(ofWebhook, ofTenant, PLACES.inAll - this.#inAll);
  }

  #hasFewer(one: Claimant, other: Claimant): boolean {
    const byTenant = (this.#ofTenant.get(one.tenantId) ?? 0) - (this.#ofTenant.get(other.tenantId) ?? 0);
    if (byTenant !== 0) return byTenant < 0;
    return (this.#ofWebhook.get(one.id) ?? 0) < (this.#ofWebhook.get(other.id) ?? 0);
  }
}

function count<K>(counts: Map<K, number>, key: K, by: number): void {
  const left = (counts.get(key) ?? 0) + by;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}
