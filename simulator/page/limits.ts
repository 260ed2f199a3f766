import type { LimitsView } from '../protocol.ts';
import type { PageStore } from './store.ts';

/** Where WhatsApp Web keeps them among the user's preferences. */
export const TIMELOCK_KEY = 'WAReachoutTimelockState';
export const CAPPING_KEY = 'WANewChatMessageCappingData';

type Timelock = { readonly time_enforcement_ends: number };
export type Capping = {
  readonly capping_status: string;
  readonly total_quota: number;
  readonly used_quota: number;
  readonly cycle_end_timestamp: number;
};

/**
 * What WhatsApp limits for this account, in the user's preferences of the page: they outlive it, and are told anew at
 * each login and whenever they change. `told` is where the page's own parts hear of a change.
 */
export class PageLimits {
  readonly #store: PageStore;
  readonly #values = new Map<string, unknown>();
  told: (event: string, details: object) => void = () => undefined;

  private constructor(store: PageStore) {
    this.#store = store;
  }

  static async load(store: PageStore): Promise<PageLimits> {
    const limits = new PageLimits(store);
    for (const { key, value } of await store.all('prefs')) limits.#values.set(key, value);
    return limits;
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  set(key: string, value: unknown): Promise<void> {
    this.#values.set(key, value);
    return this.#store.write([{ store: 'prefs', put: { key, value } }]);
  }

  remove(key: string): Promise<void> {
    this.#values.delete(key);
    return this.#store.write([{ store: 'prefs', delete: key }]);
  }

  get timelock(): Timelock | undefined {
    return this.get(TIMELOCK_KEY) as Timelock | undefined;
  }

  /** What is known of the present cycle. */
  get capping(): Capping | undefined {
    return this.get(CAPPING_KEY) as Capping | undefined;
  }

  async take({ timelock, capping }: LimitsView): Promise<void> {
    await this.#takeTimelock(timelock);
    await this.#takeCapping(capping);
  }

  async #takeTimelock(timelock: LimitsView['timelock']): Promise<void> {
    if (timelock === null) {
      if (this.timelock === undefined) return;
      await this.remove(TIMELOCK_KEY);
      this.told('reachoutTimelockEnforcementLifted', {});
      return;
    }
    const { endsAt, type } = timelock;
    await this.set(TIMELOCK_KEY, {
      state: 'HIDDEN',
      time_enforcement_ends: endsAt,
      enforcement_type: type,
    });
    this.told('reachoutTimelockEnforcementSet', {});
  }

  async #takeCapping(capping: LimitsView['capping']): Promise<void> {
    if (capping === null) {
      if (this.capping !== undefined) await this.remove(CAPPING_KEY);
    } else {
      await this.set(CAPPING_KEY, {
        capping_status: capping.status,
        ote_status: 'NOT_ELIGIBLE',
        mv_status: 'NOT_ACTIVE',
        total_quota: capping.total,
        used_quota: Math.min(capping.used, capping.total),
        cycle_start_timestamp: Math.floor(capping.cycleStart / 1000),
        cycle_end_timestamp: Math.floor(capping.cycleEnd / 1000),
        server_sent_timestamp: Math.floor(capping.sentAt / 1000),
      });
    }
    this.told('individualNewChatMessageCappingStateChange', {});
  }
}
