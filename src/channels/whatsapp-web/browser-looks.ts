import { setImmediate } from 'node:timers/promises';
import type { AccountId, InstanceId } from '../../accounts/ids.ts';
import { listMarkedBrowsers, type MarkedBrowser } from './browser-process.ts';

export interface BrowserLooksDeps {
  readonly instanceId: InstanceId;
  /** The browsers of all daemons of this machine by default. */
  readonly list?: () => readonly MarkedBrowser[];
}

/**
 * Looks for the browsers of this instance, once for all who ask in the same turn of the event loop: with a look for each, a
 * thousand accounts that are given back together would cost a thousand times what one costs. Nobody is answered from a look that
 * began before the question: a browser may have been launched or ended in between.
 */
export class BrowserLooks {
  readonly #deps: Required<BrowserLooksDeps>;
  /** The look that has not begun yet. */
  #next: Promise<ReadonlySet<string>> | undefined;

  constructor({ instanceId, list = listMarkedBrowsers }: BrowserLooksDeps) {
    this.#deps = { instanceId, list };
  }

  /** Whether a browser that this instance has launched for the account lives on this machine, seen after the call. */
  async has(accountId: AccountId): Promise<boolean> {
    this.#next ??= this.#look();
    return (await this.#next).has(accountId);
  }

  async #look(): Promise<ReadonlySet<string>> {
    await setImmediate();
    this.#next = undefined;
    const { instanceId, list } = this.#deps;
    const ours = list().filter((each) => each.instanceId === instanceId);
    return new Set(ours.map(({ accountId }) => accountId));
  }
}
