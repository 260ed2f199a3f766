import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import { withDeadline } from '../lib/abort.ts';

/** A gauge that cannot be read within this is left out of the answer: a scrape must not wait for a store that hangs. */
const READ_DEADLINE_MS = 3_000;

/** Seconds, from a step within the process to one that waits for a day. */
export const STAGE_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600] as const;
/** Seconds that an answer may take. */
export const ANSWER_BUCKETS = [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10] as const;

/** The name as Prometheus wants it: `switchboard_…`, a counter ends in `_total`. */
interface Named {
  readonly name: string;
  readonly help: string;
}

/** What is measured, and the values that its one label can have: all of them, so that there are no others. */
export interface MetricSpec<V extends string> extends Named {
  readonly label: string;
  readonly values: readonly V[];
}

/** A metric of several labels. Whoever sets it sees to it that their values are few: no id, no number, no text of a user. */
export interface TableSpec<L extends string> extends Named {
  readonly labels: readonly L[];
}

interface Timed {
  /** Upper bounds, in seconds. */
  readonly buckets: readonly number[];
}

/** A row of a gauge of several labels. */
export interface TableRow<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  readonly value: number;
}

/** What is known of a metric without measuring anything. */
export interface MetricDescription extends Named {
  readonly type: string;
  readonly labels: readonly string[];
  /** Of its one label, where they are known beforehand. */
  readonly values: readonly string[];
}

/** Shows what was measured. */
export interface MetricsText {
  readonly contentType: string;
  /** What cannot be read now is left out, and named by `switchboard_metrics_unread`; it never rejects for that. */
  text(): Promise<string>;
}

interface Reading {
  readonly name: string;
  readonly read: () => Promise<void>;
  /** A gauge that is not known shows nothing, rather than what it was. */
  readonly clear: () => void;
  /** Under way; one that hangs is not begun again. */
  pending: Promise<void> | undefined;
}

/**
 * The figures of one daemon, in a registry of its own. Every series whose labels are known beforehand exists from the start,
 * with 0: a rate over a counter that was never counted is 0, not nothing. Gauges are read when they are asked for, once for
 * all who ask at the same time, and cost nothing otherwise.
 */
export class Metrics implements MetricsText {
  readonly #registry = new Registry();
  readonly #readings: Reading[] = [];
  readonly #descriptions: MetricDescription[] = [];
  readonly #unread: Gauge;
  #reading: Promise<void> | undefined;

  constructor() {
    this.#unread = new Gauge(
      this.#describe('gauge', {
        name: 'switchboard_metrics_unread',
        help: '1 for each gauge that could not be read for this answer, and is left out of it.',
        labels: ['metric'],
      }),
    );
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#registry.metrics();
  }

  /** All metrics, those of the process by their names alone. */
  async describe(): Promise<readonly MetricDescription[]> {
    const own = new Set(this.#descriptions.map(({ name }) => name));
    const others = (await this.#registry.getMetricsAsJSON()).filter(({ name }) => !own.has(name));
    return [
      ...this.#descriptions,
      ...others.map(({ name, help, type }) => ({ name, help, type: String(type), labels: [], values: [] })),
    ];
  }

  /** Makes a counter; the returned function counts one, or as many as it is told. */
  counter<V extends string>(spec: MetricSpec<V>): (value: V, by?: number) => void {
    const counter = new Counter(this.#describe('counter', toTable(spec)));
    for (const value of spec.values) counter.inc({ [spec.label]: value }, 0);
    return (value, by = 1) => counter.inc({ [spec.label]: value }, by);
  }

  /** Makes a counter of several labels; a series begins when it is first counted. */
  counterTable<L extends string>(spec: TableSpec<L>): (labels: Readonly<Record<L, string>>) => void {
    const counter = new Counter<L>(this.#describe('counter', spec));
    return (labels) => counter.inc(labels);
  }

  /** Makes a histogram; the returned function takes seconds. */
  histogram<V extends string>(spec: MetricSpec<V> & Timed): (value: V, seconds: number) => void {
    const histogram = new Histogram({
      ...this.#describe('histogram', toTable(spec)),
      buckets: [...spec.buckets],
    });
    for (const value of spec.values) histogram.zero({ [spec.label]: value });
    return (value, seconds) => histogram.observe({ [spec.label]: value }, seconds);
  }

  /** Makes a histogram of several labels; a series begins when it is first observed. */
  histogramTable<L extends string>(
    spec: TableSpec<L> & Timed,
  ): (labels: Readonly<Record<L, string>>, seconds: number) => void {
    const histogram = new Histogram<L>({ ...this.#describe('histogram', spec), buckets: [...spec.buckets] });
    return (labels, seconds) => histogram.observe(labels, seconds);
  }

  /** Makes a gauge that is read whenever it is asked for; what `read` does not name is 0. */
  gauge<V extends string>(spec: MetricSpec<V>, read: () => Promise<ReadonlyMap<V, number>>): void {
    const gauge = new Gauge(this.#describe('gauge', toTable(spec)));
    this.#addReading(spec.name, gauge, async () => {
      const found = await read();
      for (const value of spec.values) gauge.set({ [spec.label]: value }, found.get(value) ?? 0);
    });
  }

  /** The same with several labels; it shows the rows that `read` gives and no others. */
  gaugeTable<L extends string>(spec: TableSpec<L>, read: () => Promise<readonly TableRow<L>[]>): void {
    const gauge = new Gauge<L>(this.#describe('gauge', spec));
    this.#addReading(spec.name, gauge, async () => {
      const rows = await read();
      gauge.reset();
      for (const { labels, value } of rows) gauge.set(labels, value);
    });
  }

  /** The same without a label; it shows nothing while there is no such number. */
  number(named: Named, read: () => Promise<number | undefined>): void {
    const gauge = new Gauge(this.#describe('gauge', { ...named, labels: [] }));
    gauge.remove();
    const set = async () => {
      const value = await read();
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    };
    this.#addReading(named.name, gauge, set, true);
  }

  /**
   * Adds the figures of the process: memory, handles, garbage collection, the lag of the event loop since the last look.
   * What measures them lasts as long as the process.
   */
  addProcess(): void {
    collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: DEFAULT_TIMINGS.eventLoopResolutionMs,
    });
  }

  #describe<L extends string>(
    type: string,
    { name, help, labels, values = [] }: TableSpec<L> & { readonly values?: readonly string[] },
  ): { name: string; help: string; labelNames: L[]; registers: Registry[] } {
    this.#descriptions.push({ name, help, type, labels, values });
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  #addReading(name: string, gauge: Gauge, read: () => Promise<void>, isPlain = false): void {
    // prom-client takes a gauge without labels for 0 where it was only reset.
    const clear = () => (isPlain ? gauge.remove() : gauge.reset());
    this.#readings.push({ name, read, clear, pending: undefined });
    this.#unread.set({ metric: name }, 0);
  }

  async #readAll(): Promise<void> {
    await Promise.all(
      this.#readings.map(async (reading) => {
        reading.pending ??= reading.read().finally(() => {
          reading.pending = undefined;
        });
        try {
          await withDeadline(reading.pending, READ_DEADLINE_MS, 'Reading a figure');
          this.#unread.set({ metric: reading.name }, 0);
        } catch {
          // Whatever it is: the part that is away says so itself, and the other figures are wanted the more.
          reading.clear();
          this.#unread.set({ metric: reading.name }, 1);
        }
      }),
    );
  }
}

function toTable<V extends string>({ name, help, label, values }: MetricSpec<V>) {
  return { name, help, labels: [label], values };
}
