import { parseEncryptionKey, parseEncryptionKeys } from './encryption-key.ts';
import { asSecret, makeOptionalVariable, makeVariable, type Variable } from './variable.ts';
import {
  oneOf,
  onOrOff,
  parseApiKey,
  parseArguments,
  parseBucket,
  parseHeaderKey,
  parseHost,
  parseHttpUrl,
  parseInstanceName,
  parseJwksUrl,
  parseJwtSecret,
  parseObjectPrefix,
  parseOrigins,
  parsePath,
  parsePostgresUrl,
  parseRedisUrls,
  parseRegion,
  parseTimezone,
  wholeNumber,
} from './variable-types.ts';

/** Messages or requests a minute that still mean something; 0 stands for no limit. */
const MAX_PER_MINUTE = 1_000_000;

/** What most servers that speak S3 take, whatever they call their region. */
export const DEFAULT_S3_REGION = 'us-east-1';
export const DEFAULT_S3_PREFIX = 'switchboard';

/** Every variable that the daemon reads: parseConfig and .env.example are both made from this table. */
export const VARIABLES = {
  NODE_ENV: makeOptionalVariable(
    'With "production" the daemon asks for an ENCRYPTION_KEY of your own.',
    'not production',
    oneOf('production', 'development', 'test'),
  ),
  DATA_PATH: makeVariable(
    'The folder of everything embedded: database, queue, media, made keys; one daemon a folder.',
    './.data',
    parsePath,
  ),
  DATABASE_URL: asSecret(
    makeOptionalVariable(
      'PostgreSQL 13 or newer, as postgres://user:password@host:5432/database.',
      'a PostgreSQL of its own under DATA_PATH',
      parsePostgresUrl,
    ),
  ),
  REDIS_URL: asSecret(
    makeOptionalVariable(
      'Redis 6.2 or newer, or Valkey, as redis:// or rediss://; several comma-separated nodes mean a cluster.',
      'a private Redis under DATA_PATH',
      parseRedisUrls,
    ),
  ),
  ENCRYPTION_KEY: asSecret(
    makeOptionalVariable(
      'Seals the sessions: 32 bytes as 64 hexadecimal digits, base64, or 32 printable ASCII characters without spaces; required with NODE_ENV=production.',
      'made on the first start and kept in DATA_PATH/encryption-key',
      parseEncryptionKey,
    ),
  ),
  ENCRYPTION_KEY_PREVIOUS: asSecret(
    makeOptionalVariable(
      'Older encryption keys, comma separated: they open sessions, but never seal any.',
      'none',
      parseEncryptionKeys,
    ),
  ),
  WHATSAPP_SESSION_PATH: makeVariable(
    'The folder of the sealed sessions, <accountId>/<generation>.vault.',
    './sessions',
    parsePath,
  ),
  WHATSAPP_RUNTIME_PATH: makeOptionalVariable(
    'The folder of the opened browser profiles, mode 0700, while sessions run; outside of DATA_PATH each instance makes one of its own in it.',
    'a private folder in memory (/dev/shm) where there is room, else DATA_PATH/live',
    parsePath,
  ),
  WHATSAPP_MAX_CONNECTIONS: makeVariable(
    'Accounts that this instance may hold connected at the same time.',
    '10',
    wholeNumber(1, 10_000),
  ),
  WHATSAPP_MESSAGE_RATE_LIMIT: makeVariable(
    'Outgoing messages a minute an account; more than these wait, none is refused; 0 means no limit.',
    '20',
    wholeNumber(0, MAX_PER_MINUTE),
  ),
  WHATSAPP_DAILY_LIMIT: makeVariable(
    'Outgoing messages a day of new accounts; each account has its own afterwards.',
    '1000',
    wholeNumber(1, 1_000_000),
  ),
  WHATSAPP_TIMEZONE: makeVariable(
    'The time zone in which the day of new accounts begins, by its IANA name.',
    'UTC',
    parseTimezone,
  ),
  WHATSAPP_WARMUP: makeVariable(
    '"on" lets accounts of less than two weeks send few messages a day beside answers, more with each day of their age.',
    'off',
    onOrOff,
  ),
  WHATSAPP_JITTER: makeVariable(
    '"on" spreads outgoing messages over time, as a person would write them: answers soon, first messages slowly.',
    'off',
    onOrOff,
  ),
  WHATSAPP_BREAKER: makeVariable(
    '"on" lets messages to people who never wrote rest while WhatsApp refuses messages or few are delivered.',
    'off',
    onOrOff,
  ),
  PUPPETEER_EXECUTABLE_PATH: makeOptionalVariable(
    'The Chromium to run, used exactly as given, also when it is a script that execs the browser.',
    'found on the machine',
    parsePath,
  ),
  CHROME_HEADLESS: makeVariable(
    '"shell" (chrome-headless-shell, less than half the memory), "new", or "auto": as fits the browser.',
    'auto',
    oneOf('auto', 'shell', 'new'),
  ),
  CHROME_EXTRA_ARGS: makeOptionalVariable(
    "Arguments that are appended to Chromium's own, split as a shell would: with quotes and backslashes, nothing expanded.",
    'none',
    parseArguments,
  ),
  HOST: makeVariable('The address that HTTP listens on.', '127.0.0.1', parseHost),
  PORT: makeVariable('The port that HTTP listens on; 0 takes any free one.', '3000', wholeNumber(0, 65_535)),
  OWNER_API_KEY: asSecret(
    makeOptionalVariable(
      'An API key that may do everything: 32 to 512 printable ASCII characters without spaces.',
      'made on the first start and kept in DATA_PATH/owner-api-key',
      parseApiKey,
    ),
  ),
  JWT_SECRET: asSecret(
    makeOptionalVariable(
      'Accepts JWTs (HS256) of the host application that are signed with this secret of 32 bytes or more: see docs/access.md.',
      'no such tokens are accepted',
      parseJwtSecret,
    ),
  ),
  JWT_JWKS_URL: makeOptionalVariable(
    'Accepts JWTs (RS256, PS256, ES256, EdDSA) of the host application that are signed with a key of the key set there.',
    'no such tokens are accepted',
    parseJwksUrl,
  ),
  API_RATE_LIMIT: makeVariable(
    'HTTP requests a minute a key, and ten times as many an address; 0 means no limit.',
    '6000',
    wholeNumber(0, MAX_PER_MINUTE),
  ),
  ALLOWED_ORIGINS: makeOptionalVariable(
    'Origins of web pages that may call the API and Socket.IO (CORS), comma separated.',
    'none',
    parseOrigins,
  ),
  WEBHOOK_ALLOW_PRIVATE: makeVariable(
    '"on" lets webhooks go to private networks and to http:// addresses, for consumers on your own network.',
    'off',
    onOrOff,
  ),
  LOG_LEVEL: makeVariable(
    'The least severe lines that are logged: error, warn, info or debug.',
    'info',
    oneOf('error', 'warn', 'info', 'debug'),
  ),
  LOG_DIR: makeVariable('The folder of combined.log and error.log, both rotated.', './logs', parsePath),
  INSTANCE_ID: makeOptionalVariable(
    'Names this instance among several that share a database, each by a name of its own.',
    'made on the first start and kept under DATA_PATH',
    parseInstanceName,
  ),
  MEDIA_PATH: makeOptionalVariable(
    'The folder of the media of messages, by content hash; set it to keep media out of S3.',
    'in S3 where S3_BUCKET is set, else DATA_PATH/media',
    parsePath,
  ),
  S3_BUCKET: makeOptionalVariable(
    'The bucket of an S3-compatible storage: further copies of the sealed sessions, and media unless MEDIA_PATH is set.',
    'nothing in S3',
    parseBucket,
  ),
  S3_ENDPOINT: makeOptionalVariable(
    'Where the storage answers, such as https://minio.example:9000.',
    "Amazon's own, by S3_REGION",
    parseHttpUrl,
  ),
  S3_REGION: makeOptionalVariable('The region of the bucket.', DEFAULT_S3_REGION, parseRegion),
  S3_ACCESS_KEY_ID: asSecret(
    makeOptionalVariable(
      'The access key of the storage; it may put, get, list and delete.',
      'none',
      parseHeaderKey,
    ),
  ),
  S3_SECRET_ACCESS_KEY: asSecret(
    makeOptionalVariable('The secret that belongs to S3_ACCESS_KEY_ID.', 'none', parseHeaderKey),
  ),
  S3_PREFIX: makeOptionalVariable(
    'What the names of all objects in the bucket begin with.',
    DEFAULT_S3_PREFIX,
    parseObjectPrefix,
  ),
} as const satisfies VariableTable;

/** What the command line reads: where the daemon is and with which key, by default those of the daemon itself. */
export const CLI_VARIABLES = {
  SWITCHBOARD_URL: makeOptionalVariable(
    'Where the command line finds the daemon.',
    'as the running daemon has written it into DATA_PATH/url, else http://HOST:PORT',
    parseHttpUrl,
  ),
  SWITCHBOARD_API_KEY: asSecret(
    makeOptionalVariable(
      'The API key that the command line uses.',
      'OWNER_API_KEY, else the key kept in DATA_PATH/owner-api-key',
      parseHeaderKey,
    ),
  ),
  SWITCHBOARD_VAULT_PASSPHRASE: asSecret(
    makeOptionalVariable(
      'The passphrase of vault export and vault import, for scripts; better not kept in a file such as .env.',
      'asked for on the terminal',
      (text) => text,
    ),
  ),
  HOST: VARIABLES.HOST,
  PORT: VARIABLES.PORT,
  DATA_PATH: VARIABLES.DATA_PATH,
  OWNER_API_KEY: VARIABLES.OWNER_API_KEY,
} as const satisfies VariableTable;

/** Variables by their names. */
export type VariableTable = Readonly<Record<string, Variable<unknown>>>;

/** The values of a table's variables, by their names. */
export type VariableValues<Table extends VariableTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Variable<infer Value> ? Value : never;
};
