/** How long the sessions took to come back, by kind of fault. */
export class RecoveryTimes {
  readonly #byKind = new Map<string, number[]>();

  note(kind: string, ms: number): void {
    const times = this.#byKind.get(kind) ?? [];
    this.#byKind.set(kind, [...times, ms]);
  }

  /** How often each kind was noted. */
  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#byKind].map(([kind, times]) => [kind, times.length]));
  }

  /** One line a kind: how often, the median and the 95th percentile in seconds. */
  table(): string {
    const rows = [...this.#byKind].map(([kind, times]) => [
      kind,
      String(times.length),
      ...[0.5, 0.95].map((share) => (quantile(times, share) / 1_000).toFixed(1)),
    ]);
    const all = [
      ['kind', 'n', 'p50 s', 'p95 s'],
      ...rows.toSorted(([a = ''], [b = '']) => a.localeCompare(b)),
    ];
    const width = Math.max(...all.map(([kind = '']) => kind.length));
    return all
      .map(([kind = '', ...numbers]) =>
        [kind.padEnd(width), ...numbers.map((text) => text.padStart(6))].join(' '),
      )
      .join('\n');
  }
}

/** The smallest value that at least this share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
