import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse-config.ts';
import { AppError, type FieldProblem } from '../../../src/lib/errors.ts';

const CWD = '/srv/switchboard';
const RANDOM_KEY = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const OLDER_KEY = '8d4e60930dee59a3bfa0a6358503fb05a30e6da952f4cd0242bcf3de5a437977';
const OLDEST_KEY = '941f59c49995cf7e3c659d7cd7265b208dc4393b30dde32de67229d8f1a80f35';

function parse(env: Record<string, string | undefined>) {
  return parseConfig(env, { cwd: CWD });
}

function problemsOf(env: Record<string, string | undefined>): readonly FieldProblem[] {
  try {
    parse(env);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'CONFIG_INVALID') {
      return thrown.details as readonly FieldProblem[];
    }
    throw thrown;
  }
  return [];
}

describe('parseConfig', () => {
  it('has a default for everything', () => {
    expect(parse({})).toEqual({
      production: false,
      dataPath: '/srv/switchboard/.data',
      database: { kind: 'embedded' },
      redis: { kind: 'embedded' },
      encryption: { key: null, previous: [] },
      sessionPath: '/srv/switchboard/sessions',
      runtimePath: null,
      media: { path: '/srv/switchboard/.data/media', s3: null },
      s3: null,
      http: {
        host: '127.0.0.1',
        port: 3000,
        apiRateLimit: 6000,
        allowedOrigins: [],
        jwt: { secret: null, jwksUrl: null },
      },
      webhooks: { allowPrivate: false },
      ownerApiKey: null,
      log: { level: 'info', dir: '/srv/switchboard/logs' },
      instanceId: null,
      whatsapp: {
        maxConnections: 10,
        messageRateLimit: 20,
        dailyLimit: 1000,
        timezone: 'UTC',
        pacing: { warmup: false, jitter: false, breaker: false },
      },
      browser: { executablePath: null, headless: 'auto', extraArgs: [] },
    });
  });

  it('reports what is wrong with .env along with the variables', () => {
    const problems = [{ field: '.env', message: 'Line 2 sets nothing.' }];
    expect(() => parseConfig({ PORT: 'x' }, { cwd: CWD, problems })).toThrow(
      expect.objectContaining({ details: [problems[0], expect.objectContaining({ field: 'PORT' })] }),
    );
    expect(() => parseConfig({}, { cwd: CWD, problems })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', details: problems }),
    );
  });

  it.each(['prod', 'Production', 'staging'])('refuses NODE_ENV=%s rather than take it for none', (value) => {
    expect(problemsOf({ NODE_ENV: value })).toEqual([
      {
        field: 'NODE_ENV',
        message: `"${value}" is not valid. Write one of: production, development, test.`,
      },
    ]);
  });

  it('takes every variable', () => {
    const config = parse({
      NODE_ENV: 'production',
      ENCRYPTION_KEY: RANDOM_KEY,
      ENCRYPTION_KEY_PREVIOUS: `${OLDER_KEY}, ${OLDEST_KEY}`,
      WHATSAPP_SESSION_PATH: 'sealed',
      DATA_PATH: '/data',
      DATABASE_URL: 'postgresql://app:p%40ss@db:5432/switchboard',
      REDIS_URL: 'rediss://a:1, rediss://b:2',
      WHATSAPP_RUNTIME_PATH: '/run/live',
      WHATSAPP_MAX_CONNECTIONS: '3',
      WHATSAPP_MESSAGE_RATE_LIMIT: '0',
      WHATSAPP_DAILY_LIMIT: '1000000',
      WHATSAPP_WARMUP: 'on',
      WHATSAPP_JITTER: 'on',
      WHATSAPP_BREAKER: 'off',
      WHATSAPP_TIMEZONE: 'Europe/Berlin',
      PUPPETEER_EXECUTABLE_PATH: 'bin/chromium',
      CHROME_HEADLESS: 'shell',
      CHROME_EXTRA_ARGS: `--no-sandbox --lang="de DE" '--x=a b'`,
      HOST: '::1',
      PORT: '0',
      OWNER_API_KEY: 'k'.repeat(32),
      JWT_SECRET: 's'.repeat(32),
      JWT_JWKS_URL: 'https://login.example/keys?p=one',
      API_RATE_LIMIT: '0',
      ALLOWED_ORIGINS: 'https://app.example.com, http://localhost:5173/',
      WEBHOOK_ALLOW_PRIVATE: 'on',
      LOG_LEVEL: 'debug',
      LOG_DIR: '/var/log/switchboard',
      INSTANCE_ID: 'eu-1',
      MEDIA_PATH: '/media',
      S3_BUCKET: 'sealed',
      S3_ENDPOINT: 'https://minio.example:9000/',
      S3_REGION: 'auto',
      S3_ACCESS_KEY_ID: 'AKIA',
      S3_SECRET_ACCESS_KEY: 'hunter2/+',
      S3_PREFIX: '/eu/one/',
    });
    expect(config).toEqual({
      production: true,
      dataPath: '/data',
      database: { kind: 'given', url: 'postgresql://app:p%40ss@db:5432/switchboard' },
      redis: { kind: 'given', urls: ['rediss://a:1', 'rediss://b:2'] },
      encryption: {
        key: Buffer.from(RANDOM_KEY, 'hex'),
        previous: [OLDER_KEY, OLDEST_KEY].map((key) => Buffer.from(key, 'hex')),
      },
      sessionPath: '/srv/switchboard/sealed',
      runtimePath: '/run/live',
      media: { path: '/media', s3: null },
      s3: {
        bucket: 'sealed',
        endpoint: 'https://minio.example:9000',
        region: 'auto',
        accessKeyId: 'AKIA',
        secretAccessKey: 'hunter2/+',
        prefix: 'eu/one',
      },
      http: {
        host: '::1',
        port: 0,
        apiRateLimit: 0,
        allowedOrigins: ['https://app.example.com', 'http://localhost:5173'],
        jwt: { secret: 's'.repeat(32), jwksUrl: 'https://login.example/keys?p=one' },
      },
      webhooks: { allowPrivate: true },
      ownerApiKey: 'k'.repeat(32),
      log: { level: 'debug', dir: '/var/log/switchboard' },
      instanceId: 'eu-1',
      whatsapp: {
        maxConnections: 3,
        messageRateLimit: 0,
        dailyLimit: 1_000_000,
        timezone: 'Europe/Berlin',
        pacing: { warmup: true, jitter: true, breaker: false },
      },
      browser: {
        executablePath: '/srv/switchboard/bin/chromium',
        headless: 'shell',
        extraArgs: ['--no-sandbox', '--lang=de DE', '--x=a b'],
      },
    });
  });

  it('is frozen to its depths', () => {
    const config = parse({ ALLOWED_ORIGINS: 'https://a.example' });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.http.allowedOrigins)).toBe(true);
    expect(Object.isFrozen(config.browser)).toBe(true);
  });

  it('counts an empty variable as unset and ignores space around a value', () => {
    expect(parse({ PORT: '', DATABASE_URL: '  ' })).toEqual(parse({}));
    expect(parse({ PORT: ' 8080 ' }).http.port).toBe(8080);
  });

  it.each([
    'postgres://app:secret@db:5432/switchboard?sslmode=require',
    'postgresql://app:secret@/switchboard?host=/run/postgresql',
    'postgresql:///switchboard?host=/run/postgresql',
  ])('takes the database URL %s, over TCP or a socket', (DATABASE_URL) => {
    expect(parse({ DATABASE_URL }).database).toEqual({ kind: 'given', url: DATABASE_URL });
  });

  it('derives folders from DATA_PATH', () => {
    const { runtimePath, media, sessionPath } = parse({ DATA_PATH: '../elsewhere' });
    expect(media.path).toBe('/srv/elsewhere/media');
    // Where profiles are opened is found out at the start; the sealed ones lie beside the data, not in it.
    expect([runtimePath, sessionPath]).toEqual([null, '/srv/switchboard/sessions']);
  });

  const invalid: readonly (readonly [string, string])[] = [
    ['DATA_PATH', '~/data'],
    ['DATABASE_URL', 'mysql://root:hunter2@db/x'],
    ['DATABASE_URL', 'db:5432'],
    ['DATABASE_URL', 'postgres://u:p#ss@db/x'],
    ['REDIS_URL', 'http://cache'],
    ['REDIS_URL', 'redis://a,,redis://b'],
    ['REDIS_URL', 'redis://a,rediss://b'],
    ['ENCRYPTION_KEY', 'short'],
    ['WHATSAPP_MAX_CONNECTIONS', '0'],
    ['WHATSAPP_MESSAGE_RATE_LIMIT', '-1'],
    ['WHATSAPP_DAILY_LIMIT', '0'],
    ['WHATSAPP_DAILY_LIMIT', '1000001'],
    ['WHATSAPP_WARMUP', 'yes'],
    ['WHATSAPP_TIMEZONE', '+01:00'],
    ['WHATSAPP_TIMEZONE', 'Mars/Olympus'],
    ['CHROME_HEADLESS', 'true'],
    ['CHROME_EXTRA_ARGS', '--lang="de'],
    ['HOST', 'http://0.0.0.0'],
    ['HOST', '127.0.0.1:3000'],
    ['PORT', '3000.5'],
    ['PORT', '1e3'],
    ['PORT', '65536'],
    ['OWNER_API_KEY', 'k'.repeat(31)],
    ['OWNER_API_KEY', `${'k'.repeat(40)} k`],
    ['OWNER_API_KEY', 'ö'.repeat(40)],
    ['JWT_SECRET', 's'.repeat(31)],
    ['JWT_JWKS_URL', 'login.example/keys'],
    ['JWT_JWKS_URL', 'ftp://login.example/keys'],
    ['JWT_JWKS_URL', 'https://user:hunter2@login.example/keys'],
    ['API_RATE_LIMIT', 'none'],
    ['ALLOWED_ORIGINS', '*'],
    ['ALLOWED_ORIGINS', 'https://app.example.com/path'],
    ['ALLOWED_ORIGINS', 'app.example.com'],
    ['LOG_LEVEL', 'verbose'],
    ['INSTANCE_ID', 'a b'],
  ];

  it.each(invalid)('refuses %s=%s by name, with what to write instead', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems.map(({ field }) => field)).toEqual([name]);
    expect(problems[0]?.message).toMatch(/[Uu]se|[Ww]rite|List|Make|close/);
  });

  it('reports all problems at once', () => {
    const fields = problemsOf({ PORT: 'x', LOG_LEVEL: 'x', REDIS_URL: 'x', NODE_ENV: 'production' }).map(
      ({ field }) => field,
    );
    expect(fields.toSorted()).toEqual(['ENCRYPTION_KEY', 'LOG_LEVEL', 'PORT', 'REDIS_URL']);
  });

  it('asks for an encryption key in production, once', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      { field: 'ENCRYPTION_KEY', message: expect.stringContaining('required') },
    ]);
    expect(problemsOf({ NODE_ENV: 'production', ENCRYPTION_KEY: 'changeme' })).toHaveLength(1);
    expect(problemsOf({ NODE_ENV: 'production', ENCRYPTION_KEY: RANDOM_KEY })).toEqual([]);
    expect(problemsOf({ NODE_ENV: 'development' })).toEqual([]);
  });

  it('takes S3 with a bucket and its keys alone', () => {
    const s3 = { S3_BUCKET: 'sealed', S3_ACCESS_KEY_ID: 'AKIA', S3_SECRET_ACCESS_KEY: 'x' };
    expect(parse(s3).s3).toMatchObject({ endpoint: null, region: 'us-east-1', prefix: 'switchboard' });
  });

  it('keeps media in S3 if that is there, unless a folder is given', () => {
    const s3 = { S3_BUCKET: 'sealed', S3_ACCESS_KEY_ID: 'AKIA', S3_SECRET_ACCESS_KEY: 'x' };
    const { media, s3: sealed } = parse(s3);
    expect(media).toEqual({ path: '/srv/switchboard/.data/media', s3: sealed });
    expect(parse({ ...s3, MEDIA_PATH: '/media' }).media).toEqual({ path: '/media', s3: null });
  });

  it.each([
    [{ S3_BUCKET: 'sealed' }, ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY']],
    [{ S3_SECRET_ACCESS_KEY: 'hunter2' }, ['S3_BUCKET', 'S3_ACCESS_KEY_ID']],
    [{ S3_PREFIX: 'x' }, ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY']],
    [{ S3_BUCKET: '!', S3_ACCESS_KEY_ID: 'AKIA', S3_SECRET_ACCESS_KEY: 'x' }, ['S3_BUCKET']],
    [
      { S3_BUCKET: 'sealed', S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'x', S3_PREFIX: 'a/../b' },
      ['S3_PREFIX'],
    ],
    [
      { S3_BUCKET: 'sealed', S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'x', S3_REGION: 'a.b' },
      ['S3_REGION'],
    ],
  ])('refuses half of S3, or a wrong part, by name: %o', (env, fields) => {
    const problems = problemsOf(env);
    expect(problems.map(({ field }) => field)).toEqual(fields);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('repeats a wrong value, but never what may be a secret', () => {
    expect(problemsOf({ PORT: 'eighty' })[0]?.message).toContain('"eighty"');
    const secrets = {
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      REDIS_URL: 'http://:hunter2@cache',
      ENCRYPTION_KEY: 'hunter2',
      OWNER_API_KEY: 'hunter2',
      HOST: 'redis://:hunter2@cache',
      PORT: 'hunter2'.repeat(5),
    };
    const problems = problemsOf(secrets);
    expect(problems).toHaveLength(6);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});
