import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** What is measured, and the values that its one label can have: all of them, so that there are no others. */
export interface MetricSpec<V extends string> {
  /** As Prometheus wants it: `switchboard_…`, a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly values: readonly V[];
}

/** Shows what was measured. */
export interface MetricsText {
  readonly contentType: string;
  /** Rejects with what a gauge could not be read for. */
  text(): Promise<string>;
}

/**
 * The figures of one daemon, in a registry of its own. Every series exists from the start, with 0: a rate over a counter
 * that was never counted is 0, not nothing.
 */
export class Metrics implements MetricsText {
  readonly #registry = new Registry();

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Makes a counter; the returned function counts one. */
  counter<V extends string>({ name, help, label, values }: MetricSpec<V>): (value: V) => void {
    const counter = new Counter({ name, help, labelNames: [label], registers: [this.#registry] });
    for (const value of values) counter.inc({ [label]: value }, 0);
    return (value) => counter.inc({ [label]: value });
  }

  /** Makes a gauge that is read whenever it is asked for; what `read` does not name is 0. */
  gauge<V extends string>(
    { name, help, label, values }: MetricSpec<V>,
    read: () => Promise<ReadonlyMap<V, number>>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      async collect() {
        const found = await read();
        for (const value of values) this.set({ [label]: value }, found.get(value) ?? 0);
      },
    });
  }

  /**
   * Adds the figures of the process: memory, handles, garbage collection, the lag of the event loop since the last look.
   * What measures them lasts as long as the process.
   */
  addProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }
}
