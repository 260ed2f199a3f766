import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Environment } from '../../config/environment.ts';
import { parseConfig } from '../../config/parse-config.ts';
import { findFieldProblems } from '../../config/start-error.ts';
import type { VariableContext } from '../../config/variable.ts';
import { type FieldProblem, isAppError, toError } from '../../lib/errors.ts';
import { getDaemon } from '../daemon-address.ts';
import { checkChromium } from './chromium-check.ts';
import { type ClockDifference, judgeClock, readSynchronised } from './clock-check.ts';
import {
  askDaemon,
  type DaemonAnswer,
  daemonToFinding,
  isOfThisMachine,
  type Place,
  partToFinding,
} from './daemon-answer.ts';
import { checkDisk, checkMemoryFolder } from './disk-checks.ts';
import {
  bad,
  CHECK_NAMES,
  type Check,
  type CheckName,
  type Finding,
  good,
  joinFindings,
  unknown,
} from './finding.ts';
import { checkKey } from './key-check.ts';
import { checkPort } from './port-check.ts';
import { checkPostgres, checkRedis } from './store-checks.ts';

export interface Surroundings {
  readonly env: Environment;
  readonly context: VariableContext;
  readonly isRoot: boolean;
  readonly signal: AbortSignal;
}

export interface Examination {
  /** Whose machine was looked at: this one, or (as far as it tells) the daemon's at SWITCHBOARD_URL. */
  readonly place: Place;
  readonly checks: readonly Check[];
}

type Findings = Partial<Readonly<Record<CheckName, Finding>>>;

/** Looks at everything that a daemon needs, and changes nothing. Rejects with the signal's reason alone. */
export async function examine(surroundings: Surroundings): Promise<Examination> {
  const { env, context, signal } = surroundings;
  const daemon = await findAddress(env, context);
  if (daemon === undefined) return examineHere(surroundings, { url: '', answer: NOT_ASKED });
  const answer = await askDaemon(daemon, signal);
  const isHere = await isOfThisMachine(daemon);
  return isHere
    ? examineHere(surroundings, { url: daemon, answer })
    : { place: 'elsewhere', checks: toChecks(examineElsewhere(daemon, answer)) };
}

const NOT_ASKED: DaemonAnswer = { kind: 'none', why: 'its address is not valid' };

/** Undefined if the variables that name it are wrong, which is told with the configuration. */
async function findAddress(env: Environment, context: VariableContext): Promise<string | undefined> {
  try {
    return (await getDaemon(env, context)).url;
  } catch (thrown) {
    if (!isAppError(thrown)) throw thrown;
    // A key that may not be read is no reason not to look.
    return isAppError(thrown, 'FORBIDDEN')
      ? (await getDaemon({ ...env, SWITCHBOARD_API_KEY: 'x' }, context)).url
      : undefined;
  }
}

interface Asked {
  readonly url: string;
  readonly answer: DaemonAnswer;
}

const THERE = 'Run this on its machine.';

/** What only the daemon's machine can answer comes from its API, or is not known. */
export function examineElsewhere(url: string, answer: DaemonAnswer): Findings {
  const hidden = unknown('Only its machine can tell.', THERE);
  const at = answer.kind === 'daemon' ? answer.at : undefined;
  return {
    configuration: hidden,
    daemon: daemonToFinding(answer, { url, place: 'elsewhere' }),
    chromium: hidden,
    redis: partToFinding(answer, 'queue') ?? hidden,
    postgres: partToFinding(answer, 'database') ?? hidden,
    key: hidden,
    disk: hidden,
    tmpfs: hidden,
    ports: answer.kind === 'none' ? hidden : good(`Something listens at ${url}.`),
    clock: judgeClock({
      now: Date.now(),
      isSynchronised: undefined,
      differences: at === undefined ? [] : [{ of: 'the daemon', aheadMs: Date.now() - at }],
    }),
  };
}

async function examineHere(surroundings: Surroundings, asked: Asked): Promise<Examination> {
  const { env, context } = surroundings;
  const daemon =
    asked.answer === NOT_ASKED
      ? unknown('It was not asked: its address is not valid.', 'See above.')
      : daemonToFinding(asked.answer, { url: asked.url, place: 'here' });
  const { config, problems } = readConfig(env, context);
  const found = config === undefined ? {} : await lookAround(config, surroundings, asked);
  return { place: 'here', checks: toChecks({ ...found, daemon, ...problemsToFindings(problems) }) };
}

/** The configuration as far as it is valid: what is wrong is taken for unset. Undefined if it is wrong all the same. */
function readConfig(
  env: Environment,
  context: VariableContext,
): { readonly config: Config | undefined; readonly problems: readonly FieldProblem[] } {
  try {
    return { config: parseConfig(env, context), problems: [] };
  } catch (thrown) {
    const problems = getProblems(thrown);
    const wrong = new Set(problems.map(({ field }) => field));
    // Without it the key that production asks for would be missing.
    if (wrong.has('ENCRYPTION_KEY')) wrong.add('NODE_ENV');
    const rest = Object.fromEntries(Object.entries(env).filter(([name]) => !wrong.has(name)));
    try {
      return { config: parseConfig(rest, { ...context, problems: [] }), problems };
    } catch (again) {
      return { config: undefined, problems: [...problems, ...getProblems(again)] };
    }
  }
}

/** Rethrows what is no problem of the configuration. */
function getProblems(thrown: unknown): readonly FieldProblem[] {
  if (!isAppError(thrown, 'CONFIG_INVALID')) throw thrown;
  return findFieldProblems(thrown.details);
}

/** What is looked at by variables, where a wrong one says more than its default would. */
const CHECK_OF_VARIABLE: Readonly<Record<string, CheckName>> = {
  PUPPETEER_EXECUTABLE_PATH: 'chromium',
  CHROME_HEADLESS: 'chromium',
  CHROME_EXTRA_ARGS: 'chromium',
  REDIS_URL: 'redis',
  DATABASE_URL: 'postgres',
  ENCRYPTION_KEY: 'key',
  ENCRYPTION_KEY_PREVIOUS: 'key',
  DATA_PATH: 'disk',
  WHATSAPP_SESSION_PATH: 'disk',
  MEDIA_PATH: 'disk',
  LOG_DIR: 'disk',
  WHATSAPP_RUNTIME_PATH: 'tmpfs',
  WHATSAPP_MAX_CONNECTIONS: 'tmpfs',
  HOST: 'ports',
  PORT: 'ports',
};

const CORRECT = 'Correct it, in .env or in the environment.';

function problemsToFindings(problems: readonly FieldProblem[]): Findings {
  if (problems.length === 0) return { configuration: good('Every variable is valid.') };
  const findings: Partial<Record<CheckName, Finding>> = {};
  const told = problems.map(({ field, message }) => bad(`${field}: ${message}`, CORRECT));
  for (const [nth, finding] of told.entries()) {
    const name = CHECK_OF_VARIABLE[problems[nth]?.field ?? ''];
    if (name !== undefined) findings[name] = finding;
  }
  return { ...findings, configuration: joinFindings(told) };
}

async function lookAround(
  config: Config,
  { env, isRoot, signal }: Surroundings,
  asked: Asked,
): Promise<Findings> {
  const [chromium, redis, { finding: postgres, aheadMs }, key, disk, tmpfs, ports, isSynchronised] =
    await Promise.all([
      orBroken(checkChromium({ config: config.browser, isRoot, env, signal }), signal),
      orBroken(checkRedis(config.redis, env), signal),
      checkPostgres(config.database, env),
      orBroken(checkKey(config), signal),
      orBroken(checkDisk(foldersOf(config)), signal),
      orBroken(
        checkMemoryFolder({ configured: config.runtimePath, maxSessions: config.whatsapp.maxConnections }),
        signal,
      ),
      orBroken(checkPort(config.http, asked), signal),
      readSynchronised(env),
    ]);
  const differences: ClockDifference[] = aheadMs === undefined ? [] : [{ of: 'PostgreSQL', aheadMs }];
  const clock = judgeClock({ now: Date.now(), isSynchronised, differences });
  return { chromium, redis, postgres, key, disk, tmpfs, ports, clock };
}

function foldersOf({ dataPath, sessionPath, media, log }: Config): Readonly<Record<string, string>> {
  return {
    DATA_PATH: dataPath,
    WHATSAPP_SESSION_PATH: sessionPath,
    LOG_DIR: log.dir,
    ...(media.path === join(dataPath, 'media') ? {} : { MEDIA_PATH: media.path }),
  };
}

/** A check that fails in a way that nobody foresaw must not hide what the others have found. */
async function orBroken(check: Promise<Finding>, signal: AbortSignal): Promise<Finding> {
  return check.catch((thrown: unknown) => {
    signal.throwIfAborted();
    return unknown(
      `It could not be looked at: ${toError(thrown).message}`,
      'Mend it if this machine lacks what that names; else report it.',
    );
  });
}

/** In their order; what was not looked at waits for the configuration. */
function toChecks(findings: Findings): readonly Check[] {
  return CHECK_NAMES.map((name) => ({
    name,
    ...(findings[name] ?? unknown('The configuration has to be valid first.', 'See above.')),
  }));
}
