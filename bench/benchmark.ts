/** An option of a benchmark: what it is when it is not given, and what it means. */
export interface BenchmarkOption {
  readonly default: string;
  /** It takes no value: `yes` if it is given, else empty. */
  readonly isFlag?: boolean;
  readonly text: string;
}

/** Rows of cells under a row of headings; the first column names the row. */
export type Table = readonly [headings: readonly string[], ...rows: readonly (readonly string[])[]];

/** What was measured: tables and sentences for people, figures for programs (plain JSON, units in the names). */
export interface Measured {
  readonly title: string;
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
  readonly figures: Readonly<Record<string, unknown>>;
}

/** What a run gets from its surroundings. */
export interface BenchmarkContext {
  /** Aborted when the run is to end; what it began is cleared away before it rejects. */
  readonly signal: AbortSignal;
  /** Tells people how far it is. */
  readonly say: (progress: string) => void;
}

/** A comparison that can be run by its name. Its figures hold for one machine and one moment: only ratios travel. */
export interface Benchmark {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly options: Readonly<Record<string, BenchmarkOption>>;
  /** Rejects with a sentence for people if an option is no good, the machine lacks something, or a count is wrong. */
  run(values: Readonly<Record<string, string>>, context: BenchmarkContext): Promise<Measured>;
}
