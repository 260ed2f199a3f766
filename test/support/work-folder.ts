import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { daemonEnvironment } from '../../scripts/daemon-process.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/** Where npm keeps its own compiled code: a cache that outlives every run. */
const NPM_CACHE = 'node-compile-cache';

/** A living process that works for a folder. */
export interface Worker {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
}

/** Everything that a daemon of a test writes, its temporary files included. */
export interface WorkFolder extends AsyncDisposable {
  readonly path: string;
  /** The variables that keep a daemon to this folder. */
  readonly places: {
    readonly DATA_PATH: string;
    readonly WHATSAPP_SESSION_PATH: string;
    readonly WHATSAPP_RUNTIME_PATH: string;
    readonly LOG_DIR: string;
    readonly TMPDIR: string;
  };
  /** The environment of such a daemon; `more` is laid over it. */
  env(more?: Readonly<Record<string, string>>): NodeJS.ProcessEnv;
  /** The living processes that have to do with this folder, whoever started them. */
  workers(): Worker[];
  /** What lies in the folder for temporary files: sockets, and what a browser left. npm's cache does not count. */
  temporaryFiles(): Promise<string[]>;
}

/** Opens the folder. Disposing kills whatever still works for it, so that a test that fails leaves nothing. */
export async function openWorkFolder(): Promise<WorkFolder> {
  const folder = await openTemporaryFolder();
  const { path } = folder;
  const temporary = join(path, 'tmp');
  await mkdir(temporary);
  const places = {
    DATA_PATH: join(path, 'data'),
    WHATSAPP_SESSION_PATH: join(path, 'sessions'),
    WHATSAPP_RUNTIME_PATH: join(path, 'live'),
    LOG_DIR: join(path, 'logs'),
    TMPDIR: temporary,
  };
  return {
    path,
    places,
    env: (more = {}) => daemonEnvironment({ ...places, ...more }),
    workers: () => findWorkers(path),
    temporaryFiles: async () => (await readdir(temporary)).filter((name) => name !== NPM_CACHE),
    async [Symbol.asyncDispose]() {
      for (const { pid } of findWorkers(path)) kill(pid);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Processes that name the folder in their arguments or their environment, or stand in it. */
function findWorkers(folder: string): Worker[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const places = [commandLine, environment, readlinkSync(`/proc/${pid}/cwd`)];
        if (!places.some((place) => place.includes(folder))) return [];
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return [{ pid: Number(pid), parent, commandLine }];
      } catch {
        // It ended while we looked, or belongs to somebody else.
        return [];
      }
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
