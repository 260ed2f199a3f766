import { measureDaemon } from '../../src/assembly/measuring.ts';
import { DEFAULT_TIMINGS } from '../../src/config/session-timings.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { COUNTED_EVENTS, MESSAGE_STAGES } from '../../src/messages/message-meter.ts';
import { Metrics } from '../../src/observability/metrics.ts';

const HEAD = `# Metrics

What \`GET /metrics\` shows to Prometheus, with the key of an owner or admin of the tenant \`default\`:

\`\`\`yaml
scrape_configs:
  - job_name: switchboard
    authorization: { credentials_file: /etc/prometheus/switchboard-key }
    static_configs: [{ targets: ['127.0.0.1:3000'] }]
\`\`\`

The figures are those of the instance that answers; where several run, scrape each. Counters start again with the daemon.
Gauges are read when they are asked for: what nobody scrapes costs nothing. One that cannot be read within three seconds,
since its store is away, is left out and named by \`switchboard_metrics_unread\`.

No label names an account, a number, a chat or anything that a user wrote. All have values that are known beforehand: the
routes are templates such as \`/api/v1/whatsapp/accounts/:accountId\`, requests that no route takes are \`none\`, and methods
that no route has are \`other\`.

The tables are made from the code that runs; a test fails when the two differ.
`;

const ALERTS = `## Alerts to begin with

\`\`\`yaml
groups:
  - name: switchboard
    rules:
      - alert: AccountNeedsHuman
        expr: switchboard_sessions{state="needs_human"} > 0
        for: 2m
        annotations: { summary: 'An account waits for a person: npm run cli -- status' }
      - alert: ReconnectsInVain
        expr: increase(switchboard_session_alerts_total{kind=~"reconnect_failing|flapping"}[15m]) > 0
      - alert: MessagesDoNotLeave
        expr: switchboard_messages_waiting{for="unsent"} > 0 and on (instance) increase(switchboard_messages_total{event="handed"}[15m]) == 0
        for: 15m
      - alert: MessagesUnconfirmed
        expr: switchboard_messages_waiting{for="unacked"} > 0 and on (instance) increase(switchboard_message_stage_seconds_count{stage="handed_to_acked"}[15m]) == 0
        for: 15m
      - alert: InboundSlow
        expr: histogram_quantile(0.99, sum by (le) (rate(switchboard_message_stage_seconds_bucket{stage="page_to_stored"}[10m]))) > 5
        for: 10m
      - alert: MessagesSetApart
        expr: increase(switchboard_messages_total{event="set_apart"}[1h]) > 0
      - alert: DailyLimitNear
        expr: switchboard_accounts_health{health="Critical"} > 0
        for: 5m
      - alert: SessionsNotSealed
        expr: increase(switchboard_vault_snapshots_total{outcome=~"seal_failed|keep_failed"}[1h]) > 0
      - alert: WebhookTakesNothing
        expr: max(switchboard_webhooks{state=~"resting|failed"}) > 0
        for: 15m
      - alert: WebhooksBehind
        expr: max(switchboard_webhook_oldest_waiting_seconds) > 3600
      - alert: JobsFailed
        expr: delta(switchboard_queue_jobs{state="failed"}[1h]) > 0
      - alert: StoreAway
        expr: max by (instance) (switchboard_metrics_unread) > 0
        for: 2m
      - alert: InstanceWithoutLease
        expr: switchboard_lease_remaining_seconds == 0
        for: 1m
        annotations: { summary: 'An instance cannot renew its lease: its sessions are stopped' }
      - alert: EventLoopBlocked
        expr: nodejs_eventloop_lag_p99_seconds > 0.5
        for: 5m
      - alert: AnswersFail
        expr: sum(rate(switchboard_http_requests_total{status="5xx"}[5m])) > 0
        for: 5m
\`\`\`

An account that was disconnected on purpose rests in \`disconnected\`, not in \`needs_human\`. The age of what is sealed grows
while no browser runs, since nothing is there to be sealed anew: alert on failures rather than on age, or on
\`switchboard_vault_restore_age_seconds > 7200 and switchboard_browsers > 0\` if all accounts are always connected.
`;

const cells = (row: readonly string[]) => `| ${row.join(' | ')} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [cells(head), `|${'---|'.repeat(head.length)}`, ...rows.map(cells)].join('\n');
}

const meanings = (of: Readonly<Record<string, string>>) =>
  Object.entries(of).map(([value, text]) => [`\`${value}\``, text]);

const nothing = async () => new Map<never, number>();

/** Of prom-client's figures the one that is set otherwise here. */
const LAG = `The loop is looked at every ${DEFAULT_TIMINGS.eventLoopResolutionMs} ms, so that its lag shows these where nothing lags.`;

/** The text of docs/metrics.md. */
export async function makeMetricsPage(): Promise<string> {
  const metrics = new Metrics();
  measureDaemon(metrics, {
    states: nothing,
    health: async () => [],
    failures: () => 0,
    waiting: nothing,
    sealedSince: async () => ({ newestOfWorst: undefined, oldest: undefined }),
    jobs: async () => ({ waiting: 0, active: 0, delayed: 0, failed: 0 }),
    webhooks: async () => ({ states: new Map(), waiting: 0, oldestSeconds: undefined }),
    browsers: async () => ({ browsers: 0, bytes: 0 }),
    instances: async () => 0,
    leases: { held: () => [], leftMs: () => 0 },
    clock: systemClock,
  });
  const all = await metrics.describe();
  const isOwn = ({ name }: { readonly name: string }) => name.startsWith('switchboard_');
  const own = all
    .filter(isOwn)
    .map(({ name, type, labels, values, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', ') + (values.length > 0 ? `: ${values.join(', ')}` : ''),
      help,
    ]);
  const others = all.filter((each) => !isOwn(each)).map(({ name }) => `\`${name}\``);
  return `${[
    HEAD,
    `## Switchboard's own\n\n${table(['metric', 'type', 'labels', 'what it is'], own)}\n`,
    `### \`switchboard_messages_total\`, by \`event\`\n\n${table(['event', 'counted when'], meanings(COUNTED_EVENTS))}\n`,
    `### \`switchboard_message_stage_seconds\`, by \`stage\`\n\n${table(['stage', 'from → to'], meanings(MESSAGE_STAGES))}\n`,
    `## Of the process\n\nAs prom-client measures them: ${others.join(', ')}.\n\n${LAG}\n`,
    ALERTS,
  ].join('\n')}`;
}
