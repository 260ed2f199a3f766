/**
 * Delivers what webhooks are owed: one loop looks at what is due, claims lanes of it, as many as there are places, and sends the
 * first delivery of each; whatever ends wakes it. The table is the truth: a wake-up only makes it look sooner, and
 * one that is lost costs the time until the next look. Several daemons may deliver at once, no two from one lane.
 */
import type { InstanceId, TenantId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { findNextHeld } from '../db/webhook-account-views.ts';
import { claimDeliveries, claimProbe, findNextDue, listReady } from '../db/webhook-claims.ts';
import { drainDisabled, pullForward, releaseClaims } from '../db/webhook-lane-upkeep.ts';
import { type ClaimedDelivery, type DeliveryOutcome, endTry, isBack } from '../db/webhook-lanes.ts';
import type { Webhook } from '../db/webhook-store.ts';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import { DeliveryPlaces } from './delivery-places.ts';
import { announceDisabled } from './disabled-news.ts';
import type { AskEndpoint } from './endpoint-request.ts';
import type { FanOut } from './fan-out.ts';
import { nextTryAt } from './retry-schedule.ts';
import { signatureHeaders } from './signature.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

/** A claim outlasts the longest request and the writing of its end; milliseconds. */
const CLAIM_MS = 40_000;
/** How long what is under way may take to end when the deliverer closes, in milliseconds. */
const DRAIN_MS = 5_000;
/** The least pause between two looks: what ends meanwhile makes room for the next together. Milliseconds. */
const PAUSE_MS = 10;
/** How often to look if nothing wakes it, in milliseconds. */
const SWEEP_MS = 5_000;

/** A try that could not be made. It tells the tenant what to do; which key is missing the log says at each start. */
const UNSIGNED: DeliveryOutcome = {
  isTaken: false,
  status: null,
  error:
    'The secret of this webhook is lost, so that nothing can be signed. Give it another one: POST /webhooks/:id/rotate-secret. ' +
    'What waits is sent then.',
};

/** What became of a try: `failed` is tried again, `dead` is not. */
export const DELIVERY_OUTCOMES = ['delivered', 'failed', 'dead'] as const;
export type CountedOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** That a webhook was disabled, since nothing was taken there for days. */
export interface DisabledWebhook {
  readonly webhookId: string;
  readonly tenantId: TenantId;
  readonly at: Date;
}

export interface DelivererDeps {
  readonly db: Executor;
  readonly instanceId: InstanceId;
  readonly secrets: WebhookSecrets;
  readonly ask: AskEndpoint;
  readonly fanOut: Pick<FanOut, 'fanOutHeld'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of [0, 1). */
  readonly random: () => number;
  readonly onOutcome: (outcome: CountedOutcome) => void;
  readonly onDisabled: (webhook: DisabledWebhook) => void;
}

export class Deliverer implements AsyncDisposable {
  readonly #deps: DelivererDeps;
  readonly #wake = new Wake();
  /** Aborts when nothing more is to begin, and when what is under way is to be given up. */
  readonly #closing = new AbortController();
  readonly #givingUp = new AbortController();
  readonly #places = new DeliveryPlaces();
  readonly #tries = new Set<Promise<void>>();
  readonly #running: Promise<void>;

  constructor(deps: DelivererDeps) {
    this.#deps = deps;
    this.#running = this.#run(this.#closing.signal);
  }

  /** Says that something may be due. Returns at once. */
  wake(): void {
    this.#wake.wake();
  }

  /** Waits for what is under way, a little; what is given up is tried again later, by whoever is there then. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { log } = this.#deps;
    this.#closing.abort(new Error('The deliverer is closed.'));
    await this.#running;
    try {
      await withDeadline(Promise.all(this.#tries), DRAIN_MS, 'Ending the deliveries under way');
    } catch (thrown) {
      log.info('Deliveries under way are given up', { error: toError(thrown).message });
      this.#givingUp.abort(new Error('The deliverer is closed.'));
      await Promise.all(this.#tries);
    }
    await releaseClaims(this.#deps.db, this.#deps.instanceId).catch((thrown) =>
      log.debug('Claims of deliveries were left to end', { error: toError(thrown).message }),
    );
  }

  /** Never rejects; ends with the signal. */
  async #run(signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const restMs = await this.#look(signal);
        failures = 0;
        await waitMs(PAUSE_MS, signal);
        await this.#wake.wait(signal, restMs);
      } catch (thrown) {
        if (signal.aborted) return;
        failures += 1;
        if (failures === 1)
          log.warn('Webhooks cannot be delivered now and are later', { error: toError(thrown).message });
        await waitMs(backoffDelayMs(failures + 1), signal).catch(() => undefined);
      }
    }
  }

  /** Begins all that can begin; returns after how long to look again, if nothing wakes it. */
  async #look(signal: AbortSignal): Promise<number> {
    const { db, fanOut, clock } = this.#deps;
    const now = new Date(clock.now());
    const heldUntil = await findNextHeld(db);
    if (heldUntil !== undefined && heldUntil <= now && (await fanOut.fanOutHeld(db))) this.wake();
    if (await drainDisabled(db, now)) this.wake();
    if (await pullForward(db, now)) this.wake();
    if (!this.#places.isFull) await this.#beginAll(now, signal);
    const due = await findNextDue(db, now);
    // What is held longer than it should be, somebody else has in hand.
    const times = [due, heldUntil].filter((at) => at !== undefined && at > now).map((at) => Number(at));
    return Math.min(Math.max(Math.min(...times) - clock.now(), 1), SWEEP_MS);
  }

  /** Each webhook once: who has more than its share is looked at again, after all that has become ready meanwhile. */
  async #beginAll(now: Date, signal: AbortSignal): Promise<void> {
    const ready = await listReady(this.#deps.db, now);
    const waiting = new Set(inRandomOrder(ready, this.#deps.random));
    const next = () => this.#places.nextShare(waiting, now.getTime());
    for (let share = next(); share !== undefined; share = next()) {
      signal.throwIfAborted();
      const { claimant, count } = share;
      waiting.delete(claimant);
      if ((await this.#begin(claimant, count, now)) === count) this.wake();
    }
  }

  /** Returns how many it began, of those that it might. */
  async #begin(webhook: Webhook, limit: number, now: Date): Promise<number> {
    const { db, instanceId: by } = this.#deps;
    const isProbe = webhook.health.restsUntil !== null;
    const until = new Date(now.getTime() + CLAIM_MS);
    const claim = isProbe ? claimProbe : claimDeliveries;
    const claimed = await claim(db, { webhookId: webhook.id, by, limit, now, until });
    for (const delivery of claimed) {
      this.#places.take(webhook);
      const trying = this.#try(webhook, delivery, isProbe).finally(() => {
        this.#tries.delete(trying);
        this.#places.giveBack(webhook);
        this.wake();
      });
      this.#tries.add(trying);
    }
    return claimed.length;
  }

  /** Never rejects. */
  async #try(webhook: Webhook, delivery: ClaimedDelivery, isProbe: boolean): Promise<void> {
    const { signal } = this.#givingUp;
    try {
      const signing = this.#openSecrets(webhook);
      const outcome = signing === undefined ? UNSIGNED : await this.#send(webhook, delivery, signing);
      await this.#end(webhook, { delivery, outcome, isProbe, isAsked: signing !== undefined });
    } catch (thrown) {
      if (signal.aborted) return;
      // The claim ends by itself, and it is tried again under the same id.
      this.#deps.log.warn('The end of a delivery could not be entered', {
        webhookId: webhook.id,
        deliveryId: delivery.id,
        error: toError(thrown).message,
      });
    }
  }

  /** Undefined if none is left that can be opened. */
  #openSecrets({ id, secrets: sealed }: Webhook): readonly string[] | undefined {
    const { secrets, clock, log } = this.#deps;
    try {
      return secrets.open(id, sealed, clock.now());
    } catch (thrown) {
      log.debug('A delivery could not be signed', { webhookId: id, error: toError(thrown).message });
      return undefined;
    }
  }

  #send({ url }: Webhook, delivery: ClaimedDelivery, signing: readonly string[]): Promise<DeliveryOutcome> {
    const { ask, clock } = this.#deps;
    const { eventId: id, payload: body } = delivery;
    const headers = signatureHeaders({ id, timestamp: Math.floor(clock.now() / 1_000), body }, signing);
    return ask({ url, headers, body }, this.#givingUp.signal);
  }

  async #end(
    { id: webhookId }: Webhook,
    ended: {
      readonly delivery: ClaimedDelivery;
      readonly outcome: DeliveryOutcome;
      readonly isProbe: boolean;
      readonly isAsked: boolean;
    },
  ): Promise<void> {
    const { db, instanceId: by, clock, log, random, onOutcome, onDisabled } = this.#deps;
    const now = new Date(clock.now());
    const { outcome, delivery } = ended;
    const tries = {
      attempts: delivery.attempts,
      firstTriedAt: delivery.firstTriedAt.getTime(),
      now: now.getTime(),
    };
    const next = outcome.isTaken ? null : nextTryAt(tries, random());
    const end = { webhookId, by, ...ended, nextTryAt: next === null ? null : new Date(next), now };
    const change = await endTry(db, end, (trx, webhook) => announceDisabled(trx, webhook, now));
    onOutcome(outcome.isTaken ? 'delivered' : next === null ? 'dead' : 'failed');
    if (!outcome.isTaken && next === null)
      log.warn('A delivery to a webhook became a dead letter', { webhookId, deliveryId: delivery.id });
    if (change === undefined) return;
    const { before, after, tenantId } = change;
    if (isBack(change)) log.info('The endpoint of a webhook is back', { webhookId });
    if (before.restsUntil === null && after.restsUntil !== null)
      log.warn('The endpoint of a webhook rests', {
        webhookId,
        failures: after.failures,
        error: outcome.error,
      });
    if (!change.isGivenUp) return;
    log.error('A webhook was disabled: nothing was taken there for days', { webhookId, tenantId });
    onDisabled({ webhookId, tenantId, at: now });
  }
}

/** So that of those that have as many places none is always the last. */
function inRandomOrder<T>(list: readonly T[], random: () => number): readonly T[] {
  const drawn = list.map((each) => ({ each, at: random() }));
  return drawn.toSorted((a, b) => a.at - b.at).map(({ each }) => each);
}

/** Opens the deliverer; what an earlier run of this instance had in hand is tried again at once. */
export async function openDeliverer(deps: DelivererDeps): Promise<Deliverer> {
  await releaseClaims(deps.db, deps.instanceId);
  return new Deliverer(deps);
}
