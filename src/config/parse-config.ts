import { join } from 'node:path';
import type { FieldProblem } from '../lib/errors.ts';
import type { Config, S3Config } from './config.ts';
import { configInvalid, type Environment, readVariables } from './environment.ts';
import type { VariableContext } from './variable.ts';
import { DEFAULT_S3_PREFIX, DEFAULT_S3_REGION, VARIABLES, type VariableValues } from './variables.ts';

type Values = VariableValues<typeof VARIABLES>;

/**
 * The configuration of the daemon, deeply frozen. Pure: nothing is looked up outside of `env`; `cwd` is where
 * relative paths start.
 * @throws AppError CONFIG_INVALID whose details are all problems, as FieldProblem[], without any secret
 */
export function parseConfig(env: Environment, context: VariableContext): Config {
  const { values, problems } = readVariables(env, VARIABLES, context);
  const all = [...problems, ...findContradictions(values, problems), ...findMissingOfS3(values)];
  if (all.length > 0) throw configInvalid(all);
  return freezeDeep(valuesToConfig(values as Values));
}

/** What is wrong with variables that are fine one by one. */
function findContradictions(
  values: Partial<Values>,
  problems: readonly FieldProblem[],
): readonly FieldProblem[] {
  const keyHasProblem = problems.some(({ field }) => field === 'ENCRYPTION_KEY');
  if (values.NODE_ENV !== 'production' || values.ENCRYPTION_KEY || keyHasProblem) return [];
  return [
    {
      field: 'ENCRYPTION_KEY',
      message:
        'It is required with NODE_ENV=production. Make one with: openssl rand -hex 32. If accounts were linked here without one, put what DATA_PATH/encryption-key holds into ENCRYPTION_KEY_PREVIOUS, so that they go on.',
    },
  ];
}

/** What S3 cannot do without; the others of its variables have a meaning of their own while they are unset. */
const NEEDED_BY_S3 = ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

/** Half a configuration of S3 is a mistake: the copies that somebody counts on would never be made. */
function findMissingOfS3(values: Partial<Values>): readonly FieldProblem[] {
  const given = Object.entries(values).filter(([name, value]) => name.startsWith('S3_') && value !== null);
  if (given.length === 0) return [];
  return NEEDED_BY_S3.filter((name) => values[name] === null).map((field) => ({
    field,
    message: `It is required with ${given.map(([name]) => name).join(', ')}. Write it, or leave out all S3_ variables.`,
  }));
}

function valuesToConfig(values: Values): Config {
  return {
    production: values.NODE_ENV === 'production',
    dataPath: values.DATA_PATH,
    database:
      values.DATABASE_URL === null ? { kind: 'embedded' } : { kind: 'given', url: values.DATABASE_URL },
    redis: values.REDIS_URL === null ? { kind: 'embedded' } : { kind: 'given', urls: values.REDIS_URL },
    encryption: { key: values.ENCRYPTION_KEY, previous: values.ENCRYPTION_KEY_PREVIOUS ?? [] },
    sessionPath: values.WHATSAPP_SESSION_PATH,
    runtimePath: values.WHATSAPP_RUNTIME_PATH,
    media: valuesToMedia(values),
    s3: valuesToS3(values),
    http: {
      host: values.HOST,
      port: values.PORT,
      apiRateLimit: values.API_RATE_LIMIT,
      allowedOrigins: values.ALLOWED_ORIGINS ?? [],
      jwt: { secret: values.JWT_SECRET, jwksUrl: values.JWT_JWKS_URL },
    },
    webhooks: { allowPrivate: values.WEBHOOK_ALLOW_PRIVATE },
    ownerApiKey: values.OWNER_API_KEY,
    log: { level: values.LOG_LEVEL, dir: values.LOG_DIR },
    instanceId: values.INSTANCE_ID,
    whatsapp: {
      maxConnections: values.WHATSAPP_MAX_CONNECTIONS,
      messageRateLimit: values.WHATSAPP_MESSAGE_RATE_LIMIT,
      dailyLimit: values.WHATSAPP_DAILY_LIMIT,
      timezone: values.WHATSAPP_TIMEZONE,
      pacing: {
        warmup: values.WHATSAPP_WARMUP,
        jitter: values.WHATSAPP_JITTER,
        breaker: values.WHATSAPP_BREAKER,
      },
    },
    browser: {
      executablePath: values.PUPPETEER_EXECUTABLE_PATH,
      headless: values.CHROME_HEADLESS,
      extraArgs: values.CHROME_EXTRA_ARGS ?? [],
    },
  };
}

/** A folder that was given keeps the media, whatever S3 keeps besides. */
function valuesToMedia(values: Values): Config['media'] {
  if (values.MEDIA_PATH !== null) return { path: values.MEDIA_PATH, s3: null };
  return { path: join(values.DATA_PATH, 'media'), s3: valuesToS3(values) };
}

function valuesToS3(values: Values): S3Config | null {
  const { S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if (bucket === null || accessKeyId === null || secretAccessKey === null) return null;
  const { S3_ENDPOINT: endpoint, S3_REGION: region, S3_PREFIX: prefix } = values;
  return {
    bucket,
    endpoint,
    region: region ?? DEFAULT_S3_REGION,
    accessKeyId,
    secretAccessKey,
    prefix: prefix ?? DEFAULT_S3_PREFIX,
  };
}

function freezeDeep<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    // Bytes cannot be frozen.
    if (typeof part === 'object' && part !== null && !ArrayBuffer.isView(part)) freezeDeep(part);
  }
  return Object.freeze(value);
}
