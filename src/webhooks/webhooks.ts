import type { InstanceId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { resealSecrets } from '../db/webhook-secret-store.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from '../queue/connection.ts';
import { openConsumer } from '../queue/consumer.ts';
import type { OpenQueues } from '../queue/producer.ts';
import type { WebhookJob } from '../queue/table.ts';
import { makeWakeUpQueue } from '../queue/wake-up-queue.ts';
import type { KeyRing } from '../vault/key-ring.ts';
import { type CountedOutcome, type DisabledWebhook, openDeliverer } from './deliverer.ts';
import { type EndpointOptions, findUrlProblem, makeAskEndpoint } from './endpoint-request.ts';
import type { FanOut } from './fan-out.ts';
import { makeWebhookSecrets, type WebhookSecrets } from './webhook-secrets.ts';

export interface WebhooksDeps {
  readonly db: Executor;
  readonly redis: OpenRedis;
  readonly queues: OpenQueues;
  /** The change feed's subscriptions. */
  readonly fanOut: FanOut;
  readonly keyRing: KeyRing;
  readonly instanceId: InstanceId;
  readonly endpoint: EndpointOptions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onOutcome: (outcome: CountedOutcome) => void;
}

/** What the API needs of webhooks, beside their rows. */
export interface WebhookDesk {
  readonly secrets: WebhookSecrets;
  /** What is wrong with the address of an endpoint, as a sentence. */
  findUrlProblem(url: string): string | undefined;
  /** Says that this webhook has something due. Returns at once. */
  wake(webhookId: string): void;
  /** Calls the handler for each webhook that this instance disables; the returned function ends that. */
  onDisabled(handler: (webhook: DisabledWebhook) => void): () => void;
}

/**
 * Opens the delivery of webhooks. What the feed writes down becomes a job, which wakes the deliverer; while Redis is away the
 * deliverer looks by itself.
 */
export async function openWebhooks(deps: WebhooksDeps): Promise<WebhookDesk & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const { db, redis, queues, fanOut, keyRing, instanceId, endpoint, clock, log, onOutcome } = deps;
  const secrets = makeWebhookSecrets(keyRing);
  await resealAll(deps, secrets);
  const handlers = new Set<(webhook: DisabledWebhook) => void>();
  const deliverer = stack.use(
    await openDeliverer({
      db,
      instanceId,
      secrets,
      ask: makeAskEndpoint(endpoint),
      fanOut,
      clock,
      log,
      random: Math.random,
      onOutcome,
      onDisabled: (webhook) => {
        for (const handler of handlers) handler(webhook);
      },
    }),
  );
  const process = async () => deliverer.wake();
  stack.use(await openConsumer({ redis, queue: 'webhooks', instanceId, process, log }));
  const closing = new AbortController();
  stack.defer(() => closing.abort());
  const enqueue = makeWakeUpQueue(
    (job: WebhookJob) => queues.add('webhooks', job, { signal: closing.signal }),
    ({ webhookId }) => webhookId,
  );
  const wake = (webhookId: string) =>
    void enqueue({ webhookId }).catch((thrown: unknown) =>
      log.debug('The wake-up of a webhook could not be queued', {
        webhookId,
        error: toError(thrown).message,
      }),
    );
  stack.defer(
    fanOut.onCommitted(({ news }) => {
      for (const webhookId of fanOut.takeOwed()) wake(webhookId);
      // Trouble that has begun is told once it has lasted, which the deliverer waits for.
      if (news.length > 0) deliverer.wake();
    }),
  );
  const opened = stack.move();
  return {
    secrets,
    findUrlProblem: (url) => findUrlProblem(url, endpoint),
    wake,
    onDisabled(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What an earlier key sealed is sealed by the current one, so that the earlier one can be taken away. */
async function resealAll({ db, log }: WebhooksDeps, secrets: WebhookSecrets): Promise<void> {
  const count = await resealSecrets(db, (id, sealed) => {
    try {
      return secrets.reseal(id, sealed);
    } catch (thrown) {
      log.error('The secret of a webhook cannot be opened, and nothing is delivered there', {
        webhookId: id,
        error: toError(thrown).message,
      });
      return undefined;
    }
  });
  if (count > 0) log.info('Secrets of webhooks were sealed by the current key', { count });
}
