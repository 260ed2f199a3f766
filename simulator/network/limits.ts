import type { CappingView, LimitsView, TimelockView } from '../protocol.ts';

export type LimitsChange = {
  readonly timelock?: { readonly forMs: number; readonly type?: string | undefined } | null | undefined;
  readonly capping?:
    | {
        readonly total?: number | undefined;
        readonly used?: number | undefined;
        readonly status?: CappingView['status'] | undefined;
        readonly cycleMs?: number | undefined;
      }
    | null
    | undefined;
};

type Capping = {
  total: number;
  used: number;
  /** Given by the test; else it follows from what is used. */
  status: CappingView['status'] | undefined;
  cycleStart: number;
  readonly cycleMs: number;
};

const CYCLE_MS = 30 * 24 * 3_600_000;
const TOTAL = 100;
/** Shares of the quota from which WhatsApp warns: a guess. */
const FIRST_WARNING = 0.8;
const SECOND_WARNING = 0.95;

/**
 * What WhatsApp lets an account do with people who never wrote to it. A time-lock forbids to write to them until it
 * ends; the capping counts the chats that are started in a cycle, warns twice, and forbids more of them.
 */
export class SendLimits {
  #timelock: TimelockView | null = null;
  #capping: Capping | null = null;

  change({ timelock, capping }: LimitsChange, now: number): void {
    if (timelock !== undefined)
      this.#timelock = timelock && { endsAt: now + timelock.forMs, type: timelock.type ?? 'DEFAULT' };
    if (capping === null) this.#capping = null;
    else if (capping !== undefined) {
      const { total = TOTAL, used = 0, status, cycleMs = CYCLE_MS } = capping;
      this.#capping = { total, used, status, cycleStart: now, cycleMs };
    }
  }

  view(now: number): LimitsView {
    this.#turn(now);
    const { total = 0, used = 0, cycleStart = 0, cycleMs = 0 } = this.#capping ?? {};
    const cycle = { total, used, cycleStart, cycleEnd: cycleStart + cycleMs };
    const capping = this.#capping && { ...cycle, status: statusOf(this.#capping), sentAt: now };
    return { timelock: this.#timelock, capping };
  }

  /** Whether a message to somebody who never wrote is refused. */
  forbidsStrangers(now: number): boolean {
    const { timelock, capping } = this.view(now);
    return timelock !== null || capping?.status === 'CAPPED';
  }

  /** A chat was started with somebody who never wrote. True if that changes what is told. */
  countNewChat(): boolean {
    if (!this.#capping) return false;
    this.#capping.used += 1;
    return true;
  }

  /** When what is told will change by itself; undefined if it will not. */
  nextChange(): number | undefined {
    const ends = [this.#timelock?.endsAt, this.#capping && this.#capping.cycleStart + this.#capping.cycleMs];
    const known = ends.filter((end) => typeof end === 'number');
    return known.length === 0 ? undefined : Math.min(...known);
  }

  #turn(now: number): void {
    if (this.#timelock && this.#timelock.endsAt <= now) this.#timelock = null;
    const capping = this.#capping;
    if (!capping || capping.cycleStart + capping.cycleMs > now) return;
    capping.cycleStart += capping.cycleMs * Math.floor((now - capping.cycleStart) / capping.cycleMs);
    capping.used = 0;
    capping.status = undefined;
  }
}

function statusOf({ status, used, total }: Capping): CappingView['status'] {
  if (status !== undefined) return status;
  if (used >= total) return 'CAPPED';
  if (used >= total * SECOND_WARNING) return 'SECOND_WARNING';
  return used >= total * FIRST_WARNING ? 'FIRST_WARNING' : 'NONE';
}
