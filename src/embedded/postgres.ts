import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Command, StopStep } from './child-run.ts';
import { type ClusterContext, getPostgresPrograms, openCluster, POSTGRES_ROLE } from './postgres-cluster.ts';
import { findPostgresUser } from './postgres-user.ts';
import { serverEnvironment } from './server-environment.ts';
import { openSocketFolder } from './socket-folder.ts';
import { openSupervisedProcess } from './supervised-process.ts';
import { endSurvivors, findSurvivors, type ServerMark } from './survivor.ts';

/** Names the socket file only: nothing listens on a port. */
const PORT = 5432;

/**
 * Fast shutdown writes all that is in memory; immediate shutdown leaves that to the recovery at the next start. Both
 * fit into what the daemon has for its whole stop.
 */
const STOP_STEPS: readonly StopStep[] = [
  { signal: 'SIGINT', graceMs: 10_000 },
  { signal: 'SIGQUIT', graceMs: 3_000 },
];

/** Statements and row values hold message texts and phone numbers, which do not belong into a log. */
const SETTINGS = [
  'listen_addresses=',
  'unix_socket_permissions=0700',
  'timezone=UTC',
  'log_timezone=UTC',
  'log_checkpoints=off',
  'log_error_verbosity=terse',
  'log_min_error_statement=panic',
];

/** What the embedded servers are opened with. */
export interface EmbeddedDeps {
  /** The folder that this process holds the lock of: see openDataFolder. */
  readonly dataPath: string;
  readonly log: Logger;
  /** The daemon's environment; its secrets are not handed on. */
  readonly env: NodeJS.ProcessEnv;
}

/** How to connect, as `pg` takes it. */
export interface PostgresConnection {
  /** The folder of the Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A running PostgreSQL. The connection stays the same over restarts of the server. */
export interface EmbeddedPostgres extends AsyncDisposable {
  readonly connection: PostgresConnection;
}

/**
 * Brings up the daemon's own PostgreSQL under DATA_PATH and resolves when it accepts connections. It is started
 * again if it dies, and stopped by disposing. One that outlived a killed daemon is stopped first.
 */
export async function openEmbeddedPostgres(
  deps: EmbeddedDeps,
  { signal }: { readonly signal: AbortSignal },
): Promise<EmbeddedPostgres> {
  const log = deps.log.child({ server: 'postgres' });
  const env = serverEnvironment(deps.env);
  const programs = await getPostgresPrograms(env);
  const context: ClusterContext = { ...deps, log, env, programs, user: await findPostgresUser() };
  const mark = serverMark(join(deps.dataPath, 'postgres', 'data'));
  await endSurvivors(mark, STOP_STEPS, log, signal);
  const cluster = await openCluster(context);
  await using stack = new AsyncDisposableStack();
  const sockets = stack.use(await openSocketFolder(deps.dataPath, 'postgres', context.user.owner));
  stack.use(
    await openSupervisedProcess(
      {
        name: 'PostgreSQL',
        prepare: async (starting) => {
          await endSurvivors(mark, STOP_STEPS, log, starting);
          await removeMisleadingPid(cluster.dataFolder, mark);
          return serverCommand(cluster.dataFolder, sockets.path, context);
        },
        stopSteps: STOP_STEPS,
        errorCode: 'EMBEDDED_POSTGRES_FAILED',
        remedy: `Mend that in ${cluster.dataFolder}, or set DATABASE_URL to a PostgreSQL that is running.`,
        log,
      },
      { signal },
    ),
  );
  const opened = stack.move();
  return {
    connection: {
      host: sockets.path,
      port: PORT,
      user: POSTGRES_ROLE,
      password: cluster.password,
      database: POSTGRES_ROLE,
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function serverMark(dataFolder: string): ServerMark {
  return { program: 'postgres', option: '-D', value: dataFolder };
}

function serverCommand(dataFolder: string, socketFolder: string, context: ClusterContext): Command {
  const settings = [...SETTINGS, `unix_socket_directories=${quoteSetting(socketFolder)}`];
  const args = ['-D', dataFolder, '-p', String(PORT), ...settings.flatMap((setting) => ['-c', setting])];
  return { ...context.user.invoke(context.programs.postgres, args), env: context.env, cwd: '/' };
}

/** The setting is a list: a comma or a blank in the path needs quotes. */
function quoteSetting(path: string): string {
  return `"${path.replaceAll('"', '""')}"`;
}

/**
 * After a restart of the machine or its container, the pid that a killed server left in its file may belong to another
 * program, and PostgreSQL would take that for a running server. Only then the file is removed: while its pid is
 * free, PostgreSQL itself uses it to see whether children of the dead server still hold the data.
 */
async function removeMisleadingPid(dataFolder: string, mark: ServerMark): Promise<void> {
  const file = join(dataFolder, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  if (Number.isNaN(pid) || !isAlive(pid) || (await findSurvivors(mark)).includes(pid)) return;
  await rm(file, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    return error.code === 'EPERM';
  }
}
