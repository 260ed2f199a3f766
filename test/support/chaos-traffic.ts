import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../../scripts/daemon-api.ts';
import type { Phone } from '../../simulator/client.ts';
import type { JudgedAccount } from './ground-truth.ts';
import { untilFound } from './patient-look.ts';
import type { Stage } from './stage.ts';

/** Between two messages of one account in one direction: ten messages a second on five accounts. */
const PACE_MS = 1_000;

/** Where the accounts are written to, and their messages handed in. */
export type TrafficStage = Pick<Stage, 'api'>;

/**
 * Messages that go to and from every account without a pause until they are stopped, whether or not it is connected: one
 * that waits for a human refuses them, and what it refused is handed in again.
 */
export class ChaosTraffic implements AsyncDisposable {
  readonly #stage: TrafficStage;
  readonly #alice: Phone;
  readonly #accepted = new Map<string, string[]>();
  readonly #end = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(stage: TrafficStage, accounts: readonly JudgedAccount[], alice: Phone) {
    this.#stage = stage;
    this.#alice = alice;
    this.#loops = accounts.flatMap((account) => [this.#flowIn(account), this.#flowOut(account)]);
  }

  /** The texts that the daemon took on itself to send for the account. */
  accepted({ accountId }: JudgedAccount): readonly string[] {
    return this.#accepted.get(accountId) ?? [];
  }

  /** Ends the flow; what was begun is handed in to its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#loops);
  }

  async #flowIn({ phone }: JudgedAccount): Promise<void> {
    for (let n = 1; await this.#pause(); n += 1) await this.#alice.send(phone, `to ${phone.name} ${n}`);
  }

  async #flowOut({ accountId, phone }: JudgedAccount): Promise<void> {
    const accepted: string[] = [];
    this.#accepted.set(accountId, accepted);
    while (await this.#pause()) {
      const text = `from ${phone.name} ${accepted.length + 1}`;
      if (await this.#handIn(accountId, text)) accepted.push(text);
    }
  }

  /** False if the account waits for a human; the same text under the same key is tried again later. */
  #handIn(accountId: string, text: string): Promise<boolean> {
    const message = { to: `+${this.#alice.number}`, text };
    return untilFound(`The acceptance of ${text}`, async () => {
      try {
        await this.#stage.api.send(accountId, message, text);
        return true;
      } catch (thrown) {
        if (thrown instanceof ApiError && thrown.code === 'ACCOUNT_NOT_CONNECTED') return false;
        throw thrown;
      }
    });
  }

  /** False once the flow is to end. */
  async #pause(): Promise<boolean> {
    await delay(PACE_MS, undefined, { signal: this.#end.signal }).catch(() => undefined);
    return !this.#end.signal.aborted;
  }
}
