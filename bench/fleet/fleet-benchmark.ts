import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark } from '../benchmark.ts';
import { reportFleet } from './fleet-report.ts';
import { type FleetFigures, runFleet } from './fleet-run.ts';
import { OPTIONS, parseFleetSettings } from './fleet-settings.ts';

/** What an account costs the daemon besides its browser, at growing numbers of accounts. */
export const fleetBenchmark: Benchmark = {
  name: 'fleet',
  summary: 'what an account costs the daemon besides its browser, at 10, 100 and 1,000 accounts',
  options: OPTIONS,
  async run(values, context) {
    const settings = parseFleetSettings(values);
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
    const measure = (accounts: number) =>
      runFleet(accounts, join(folder, String(accounts)), settings, context);
    try {
      const none = await measure(0);
      const all: FleetFigures[] = [];
      for (const size of settings.sizes) all.push(await measure(size));
      return reportFleet(settings, none, all);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
};
