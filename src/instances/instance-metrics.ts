import type { Metrics } from '../observability/metrics.ts';
import type { LeaseKeeper } from './lease-keeper.ts';

export interface InstanceFigures {
  /** How many share the database. */
  readonly instances: () => Promise<number>;
  readonly leases: Pick<LeaseKeeper, 'held' | 'leftMs'>;
}

/** Makes the figures of instances and their leases. */
export function measureInstances(metrics: Metrics, { instances, leases }: InstanceFigures): void {
  metrics.number(
    { name: 'switchboard_instances', help: 'Instances that share the database, this one included.' },
    instances,
  );
  metrics.number(
    { name: 'switchboard_leases', help: 'Accounts that this instance holds the lease of.' },
    async () => leases.held().length,
  );
  metrics.number(
    {
      name: 'switchboard_lease_remaining_seconds',
      help: 'Seconds until this instance stops its sessions, unless it renews its lease; 0 while it may run none. Nothing where the lease never lapses.',
    },
    async () => {
      const leftMs = leases.leftMs();
      return Number.isFinite(leftMs) ? leftMs / 1_000 : undefined;
    },
  );
}
