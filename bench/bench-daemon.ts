import { join } from 'node:path';
import { type DaemonProcess, startDaemon } from '../scripts/daemon-process.ts';
import { type BenchStores, connectionToUrl } from './bench-stores.ts';

export interface BenchDaemonSettings {
  readonly stores: BenchStores;
  /** For all that it writes. */
  readonly folder: string;
  readonly chromeArgs?: readonly string[];
  /** On top of all else. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The daemon as a process of its own on the given PostgreSQL, a Redis of its own, and without limits. */
export function startBenchDaemon(
  { stores, folder, chromeArgs = [], env = {} }: BenchDaemonSettings,
  signal: AbortSignal,
): Promise<DaemonProcess> {
  const dataPath = join(folder, 'daemon');
  return startDaemon({
    env: {
      DATA_PATH: dataPath,
      LOG_DIR: join(folder, 'logs'),
      LOG_LEVEL: 'warn',
      TMPDIR: folder,
      WHATSAPP_RUNTIME_PATH: join(dataPath, 'live'),
      DATABASE_URL: connectionToUrl(stores.postgres),
      CHROME_EXTRA_ARGS: chromeArgs.map((arg) => `'${arg}'`).join(' '),
      WHATSAPP_MESSAGE_RATE_LIMIT: '0',
      WHATSAPP_DAILY_LIMIT: '1000000',
      API_RATE_LIMIT: '0',
      ...env,
    },
    signal,
  });
}
