import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator } from '../../simulator/client.ts';
import { openDatabase } from '../../src/db/database.ts';
import { connectionToUrl, openBenchStores, quietLog } from '../bench-stores.ts';
import type { Benchmark, BenchmarkContext, Measured } from '../benchmark.ts';
import { median, timesToText } from '../figures.ts';
import { percentile } from '../latency.ts';
import { type Boot, boot, linkAll } from './boot-run.ts';
import { type BootSettings, OPTIONS, OWN_GATE, parseBootSettings } from './boot-settings.ts';

/** By how much the daemon's own gate may be slower than the best. */
const AIM = 1.2;

/** How long all sessions take to come back, with launch gates of several sizes, in turns. */
export const bootBenchmark: Benchmark = {
  name: 'boot',
  summary: 'restoring many sessions on real browsers, with launch gates of several sizes',
  options: OPTIONS,
  async run(values, context) {
    const settings = parseBootSettings(values);
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
    try {
      return report(settings, await compare(settings, folder, context));
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
};

async function compare(
  settings: BootSettings,
  folder: string,
  { signal, say }: BenchmarkContext,
): Promise<readonly Boot[]> {
  const { accounts, gates, rounds } = settings;
  await using stores = await openBenchStores(folder, signal);
  await using database = openDatabase({ connection: stores.postgres, log: quietLog });
  await using simulator = await startSimulator();
  const dataPath = join(folder, 'daemon');
  const env = {
    DATA_PATH: dataPath,
    LOG_DIR: join(dataPath, 'logs'),
    LOG_LEVEL: 'warn',
    WHATSAPP_SESSION_PATH: join(dataPath, 'sessions'),
    WHATSAPP_MAX_CONNECTIONS: String(accounts),
    DATABASE_URL: connectionToUrl(stores.postgres),
    CHROME_EXTRA_ARGS: simulator.chromeArgs.map((arg) => `'${arg}'`).join(' '),
    API_RATE_LIMIT: '0',
  };
  const parts = { db: database.db, simulator, env, accounts, signal };
  await linkAll(parts, say);
  const boots: Boot[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const gate of round % 2 === 1 ? gates : gates.toReversed()) {
      say(`Round ${round} of ${rounds}, ${nameGate(gate)} …`);
      boots.push(await boot(gate, parts));
    }
  }
  return boots;
}

const nameGate = (gate: number) => (gate === 0 ? 'no gate' : `a gate of ${gate}`);

function report(settings: BootSettings, boots: readonly Boot[]): Measured {
  const each = settings.gates.map((gate) => {
    const own = boots.filter((boot) => boot.gate === gate);
    const allMs = own.map((boot) => boot.allMs);
    const probesMs = own.flatMap((boot) => boot.probesMs);
    return {
      gate,
      allMs,
      halfMs: own.map((boot) => boot.halfMs),
      medianMs: median(allMs),
      falls: own.reduce((sum, boot) => sum + boot.falls, 0),
      probes: probesMs.length,
      probeMs:
        probesMs.length === 0
          ? null
          : { p50: median(probesMs), p99: percentile(probesMs, 99), max: Math.max(...probesMs) },
    };
  });
  const best = Math.min(...each.map(({ medianMs }) => medianMs));
  return {
    title: `${settings.accounts} sessions are restored; ${settings.rounds} boots with each gate, in turns. The daemon’s own has ${OWN_GATE} places here.`,
    tables: [
      [
        [
          'places of the gate',
          'half connected',
          'all connected',
          'by the best',
          'falls',
          'probe, median',
          'longest',
        ],
        ...each.map(({ gate, allMs, halfMs, medianMs, falls, probeMs }) => [
          gate === 0 ? 'no gate' : `${gate}${gate === OWN_GATE ? ' (the daemon’s)' : ''}`,
          timesToText(halfMs),
          timesToText(allMs),
          `${(medianMs / best).toFixed(2)} ×`,
          String(falls),
          probeMs === null ? '-' : `${probeMs.p50.toFixed(0)} ms`,
          probeMs === null ? '-' : `${probeMs.max.toFixed(0)} ms`,
        ]),
      ],
    ],
    notes: [
      `The daemon’s own gate should take ${AIM} × as long as the best at most. Probes are those of sessions that are up while`,
      'the others start; one that takes 8 s twice ends its session.',
    ],
    figures: { settings, aim: AIM, ownGate: OWN_GATE, each },
  };
}
