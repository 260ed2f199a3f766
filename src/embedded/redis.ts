import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError, toError } from '../lib/errors.ts';
import type { Command, StopStep } from './child-run.ts';
import type { EmbeddedDeps } from './postgres.ts';
import { serverEnvironment } from './server-environment.ts';
import { openSocketFolder } from './socket-folder.ts';
import { openSupervisedProcess } from './supervised-process.ts';
import { endSurvivors, type ServerMark } from './survivor.ts';

const PROGRAM = 'redis-server';

/** The oldest Redis that knows all of our settings and what the queues use. */
const OLDEST = { major: 6, minor: 2 } as const;

/** A shutdown writes what is left of the append-only file. */
const STOP_STEPS: readonly StopStep[] = [{ signal: 'SIGTERM', graceMs: 8_000 }];

const SETTINGS: Readonly<Record<string, string>> = {
  port: '0',
  unixsocketperm: '700',
  daemonize: 'no',
  supervised: 'no',
  // Everything acknowledged is on disk within a second, and nothing is ever dropped to make room.
  appendonly: 'yes',
  appendfsync: 'everysec',
  'maxmemory-policy': 'noeviction',
  // The append-only file is the truth; snapshots beside it would only cost memory and disk.
  save: '',
  databases: '1',
  // Keeps the arguments visible, by which a later daemon knows the server as its own.
  'set-proc-title': 'no',
};

/** How to connect, as ioredis takes it. */
export interface RedisConnection {
  /** The Unix socket. */
  readonly path: string;
}

/** A running Redis. The connection stays the same over restarts of the server. */
export interface EmbeddedRedis extends AsyncDisposable {
  readonly connection: RedisConnection;
}

/**
 * Brings up a private Redis under DATA_PATH and resolves when its data are loaded and it accepts connections. It is
 * started again if it dies, and stopped by disposing. One that outlived a killed daemon is stopped first.
 */
export async function openEmbeddedRedis(
  deps: EmbeddedDeps,
  { signal }: { readonly signal: AbortSignal },
): Promise<EmbeddedRedis> {
  const log = deps.log.child({ server: 'redis' });
  const env = serverEnvironment(deps.env);
  await getRedisProgram(env);
  const folder = join(deps.dataPath, 'redis');
  const mark: ServerMark = { program: PROGRAM, option: '--dir', value: folder };
  await endSurvivors(mark, STOP_STEPS, log, signal);
  await makeFolder(folder);
  await using stack = new AsyncDisposableStack();
  const sockets = stack.use(await openSocketFolder(deps.dataPath, 'redis'));
  const socket = join(sockets.path, 'redis.sock');
  stack.use(
    await openSupervisedProcess(
      {
        name: 'Redis',
        prepare: async (starting) => {
          await endSurvivors(mark, STOP_STEPS, log, starting);
          return serverCommand(folder, socket, env);
        },
        stopSteps: STOP_STEPS,
        errorCode: 'EMBEDDED_REDIS_FAILED',
        remedy: `Mend that in ${folder}, or set REDIS_URL to a Redis that is running.`,
        log,
      },
      { signal },
    ),
  );
  const opened = stack.move();
  return { connection: { path: socket }, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What redis-server says that it is. Throws REDIS_MISSING if there is none, or only one that is too old. */
export async function getRedisProgram(env: NodeJS.ProcessEnv): Promise<string> {
  const remedy =
    'On Debian and Ubuntu: `sudo apt-get install redis-server`. Or set REDIS_URL to a Redis that is running.';
  try {
    const { stdout } = await promisify(execFile)(PROGRAM, ['--version'], { env });
    if (isRecent(stdout)) return /^.*?\bv=[\d.]+/.exec(stdout)?.[0] ?? stdout.trim();
    throw new AppError('REDIS_MISSING', {
      message: `Redis ${OLDEST.major}.${OLDEST.minor} or later is needed; installed is: ${stdout.trim()}. ${remedy}`,
    });
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError('REDIS_MISSING', {
      message: `${PROGRAM} is not installed or cannot be run (${toError(thrown).message}). ${remedy}`,
      cause: thrown,
    });
  }
}

/** Reads `Redis server v=7.0.15 …` and `Valkey server v=8.0.1 …`. */
export function isRecent(versionLine: string): boolean {
  const [, major = '0', minor = '0'] = /\bv=(\d+)\.(\d+)/.exec(versionLine) ?? [];
  return Number(major) > OLDEST.major || (Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor);
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw new AppError('DATA_PATH_UNWRITABLE', {
      message: `The folder ${folder} cannot be made (${toError(thrown).message}). Correct the owner or mode of the one above it, or set REDIS_URL.`,
      cause: thrown,
    });
  }
}

function serverCommand(folder: string, socket: string, env: NodeJS.ProcessEnv): Command {
  const settings = Object.entries({ ...SETTINGS, dir: folder, unixsocket: socket });
  return {
    file: PROGRAM,
    args: settings.flatMap(([name, value]) => [`--${name}`, value]),
    env,
    cwd: folder,
  };
}
