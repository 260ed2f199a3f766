import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator } from '../../simulator/client.ts';
import { openDatabase } from '../../src/db/database.ts';
import { connectionToUrl, openBenchStores, quietLog } from '../bench-stores.ts';
import type { Benchmark, BenchmarkContext } from '../benchmark.ts';
import { reportBoots } from './boot-report.ts';
import { type Boot, boot, linkAll } from './boot-run.ts';
import { type BootSettings, OPTIONS, parseBootSettings } from './boot-settings.ts';

/** How long all sessions take to come back, with launch gates of several sizes, in turns. */
export const bootBenchmark: Benchmark = {
  name: 'boot',
  summary: 'restoring many sessions on real browsers, with launch gates of several sizes',
  options: OPTIONS,
  async run(values, context) {
    const settings = parseBootSettings(values);
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
    try {
      return reportBoots(settings, await compare(settings, folder, context));
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
