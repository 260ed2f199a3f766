import { median } from '../figures.ts';
import type { MeasuredDaemon } from '../measured-daemon.ts';
import type { ProcessFigures } from './fleet-daemon.ts';

/** What requests of one kind, one after another, cost. */
export interface RequestCost {
  /** Of the daemon's processor, each; what the accounts take meanwhile by themselves is taken off. */
  readonly cpuMs: number;
  /** Until the answer; the median. */
  readonly answeredMs: number;
}

export interface RequestKind {
  /** Below the API's base. */
  readonly path: (nth: number) => string;
  readonly body?: (nth: number) => unknown;
  /** Until what was asked for is done. */
  readonly done?: () => Promise<void>;
}

export interface RequestOptions {
  readonly count: number;
  /** Of the processor, that the daemon takes when nobody asks for anything: a share of the time. */
  readonly idleShare: number;
  readonly signal: AbortSignal;
}

/** Asks so often, one after another. Rejects if one is refused. */
export async function measureRequests(
  daemon: MeasuredDaemon<ProcessFigures>,
  { path, body, done }: RequestKind,
  { count, idleShare, signal }: RequestOptions,
): Promise<RequestCost> {
  const timesMs: number[] = [];
  const before = await daemon.figures();
  const begunAt = performance.now();
  for (let nth = 0; nth < count; nth += 1) {
    signal.throwIfAborted();
    const since = performance.now();
    const response = await fetch(`${daemon.url}/api/v1/whatsapp${path(nth)}`, {
      headers: { authorization: `Bearer ${daemon.ownerKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body(nth)) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`A request was answered with ${response.status}: ${text}`);
    timesMs.push(performance.now() - since);
  }
  await done?.();
  const idleMs = (performance.now() - begunAt) * idleShare;
  const after = await daemon.figures();
  return { cpuMs: (after.cpuMs - before.cpuMs - idleMs) / count, answeredMs: median(timesMs) };
}
