import { accountToHealth } from '../accounts/health.ts';
import type { AccountId } from '../accounts/ids.ts';
import { measureSessions } from '../accounts/session-metrics.ts';
import { HEALTH_STATUSES, type HealthStatus, type SessionState } from '../accounts/state.ts';
import type { HealthFacts, SealedSince, WaitingKind } from '../db/figure-store.ts';
import { WAITING_KINDS } from '../db/figure-store.ts';
import type { WebhookFigures } from '../db/webhook-figures.ts';
import { measureRequests } from '../http/request-metrics.ts';
import { type InstanceFigures, measureInstances } from '../instances/instance-metrics.ts';
import type { Clock } from '../lib/clock.ts';
import { measureMessages } from '../messages/message-metrics.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { JobCounts } from '../queue/producer.ts';
import { QUEUE_NAMES, type QueueName } from '../queue/table.ts';
import { SNAPSHOT_OUTCOMES } from '../vault/vault.ts';
import { measureWebhooks } from '../webhooks/webhook-metrics.ts';

/** What is read when somebody asks for the figures, and not before. */
export interface FigureSources extends InstanceFigures {
  readonly states: () => Promise<ReadonlyMap<SessionState, number>>;
  readonly health: () => Promise<readonly HealthFacts[]>;
  /** Lives of a browser in a row that ended without having been connected. */
  readonly failures: (accountId: AccountId) => number;
  readonly waiting: () => Promise<ReadonlyMap<WaitingKind, number>>;
  readonly sealedSince: () => Promise<SealedSince>;
  readonly jobs: (queue: QueueName) => Promise<JobCounts>;
  readonly webhooks: () => Promise<WebhookFigures>;
  readonly browsers: () => Promise<{ readonly browsers: number; readonly bytes: number }>;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}

/** All figures of a daemon; what is returned counts what happens. */
export function measureDaemon(metrics: Metrics, sources: FigureSources) {
  metrics.addProcess();
  measureLimits(metrics, sources);
  measureQueues(metrics, sources);
  measureBrowsers(metrics, sources);
  measureVaultAge(metrics, sources);
  measureInstances(metrics, sources);
  return {
    sessions: measureSessions(metrics, sources.states),
    messages: measureMessages(metrics, sources.clock),
    requests: measureRequests(metrics),
    webhooks: measureWebhooks(metrics, sources.webhooks),
    snapshot: metrics.counter({
      name: 'switchboard_vault_snapshots_total',
      help: 'Snapshots of sessions by what became of them: sealed on disk, then kept in the index and the backups.',
      label: 'outcome',
      values: SNAPSHOT_OUTCOMES,
    }),
  };
}

function measureLimits(metrics: Metrics, { health, failures, waiting }: FigureSources): void {
  metrics.gauge(
    {
      name: 'switchboard_accounts_health',
      help: 'Accounts of this instance by their health: Warning from 70 % of the daily limit, Critical above 90 % or with the connection in trouble.',
      label: 'health',
      values: HEALTH_STATUSES,
    },
    async () => {
      const counts = new Map<HealthStatus, number>();
      for (const { accountId, ...facts } of await health()) {
        const status = accountToHealth({ ...facts, failures: failures(accountId) });
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
      return counts;
    },
  );
  metrics.gauge(
    {
      name: 'switchboard_messages_waiting',
      help: 'Messages of this instance that wait: for their turn, for an ack, for another day, to be found, or for their file.',
      label: 'for',
      values: WAITING_KINDS,
    },
    waiting,
  );
}

function measureQueues(metrics: Metrics, { jobs }: FigureSources): void {
  metrics.gaugeTable(
    {
      name: 'switchboard_queue_jobs',
      help: 'Jobs in the queues of this instance by their state.',
      labels: ['queue', 'state'],
    },
    async () => {
      const all = await Promise.all(QUEUE_NAMES.map(async (queue) => ({ queue, counts: await jobs(queue) })));
      return all.flatMap(({ queue, counts }) =>
        Object.entries(counts).map(([state, value]) => ({ labels: { queue, state }, value })),
      );
    },
  );
}

function measureBrowsers(metrics: Metrics, { browsers }: FigureSources): void {
  // Both are one look at the processes of the machine.
  let look: ReturnType<FigureSources['browsers']> | undefined;
  const read = () => {
    look ??= browsers().finally(() => {
      look = undefined;
    });
    return look;
  };
  metrics.number(
    { name: 'switchboard_browsers', help: 'Browsers of this instance that run.' },
    async () => (await read()).browsers,
  );
  metrics.number(
    {
      name: 'switchboard_browser_memory_bytes',
      help: 'Memory of all processes of these browsers, pages that they share counted once (PSS).',
    },
    async () => (await read()).bytes,
  );
}

function measureVaultAge(metrics: Metrics, { sealedSince, clock }: FigureSources): void {
  const age = (at: Date | undefined) =>
    at === undefined ? undefined : Math.max(0, clock.now() - at.getTime()) / 1_000;
  metrics.number(
    {
      name: 'switchboard_vault_restore_age_seconds',
      help: 'Age of the newest sealed generation of the linked account whose newest is the oldest. Nothing while none is sealed.',
    },
    async () => age((await sealedSince()).newestOfWorst),
  );
  metrics.number(
    {
      name: 'switchboard_vault_oldest_generation_age_seconds',
      help: 'Age of the oldest sealed generation of any linked account. Nothing while none is sealed.',
    },
    async () => age((await sealedSince()).oldest),
  );
}
