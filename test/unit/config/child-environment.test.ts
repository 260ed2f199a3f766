import { expect, it } from 'vitest';
import { childEnvironment } from '../../../src/config/child-environment.ts';

it('hands everything on but the secrets', () => {
  const env = {
    PATH: '/usr/bin',
    LANG: 'de_DE.UTF-8',
    CHROME_EXTRA_ARGS: '--no-sandbox',
    EMPTY: '',
    UNSET: undefined,
    S3_BUCKET: 'media',
    S3_ENDPOINT: 'https://s3.example',
    ENCRYPTION_KEY: 'x',
    ENCRYPTION_KEY_PREVIOUS: 'x',
    OWNER_API_KEY: 'x',
    SWITCHBOARD_API_KEY: 'x',
    SWITCHBOARD_VAULT_PASSPHRASE: 'x',
    JWT_SECRET: 'x',
    DATABASE_URL: 'x',
    REDIS_URL: 'x',
    S3_ACCESS_KEY_ID: 'x',
    S3_SECRET_ACCESS_KEY: 'x',
    S3_SESSION_TOKEN: 'x',
  };
  expect(childEnvironment(env)).toEqual({
    PATH: '/usr/bin',
    LANG: 'de_DE.UTF-8',
    CHROME_EXTRA_ARGS: '--no-sandbox',
    EMPTY: '',
    S3_BUCKET: 'media',
    S3_ENDPOINT: 'https://s3.example',
  });
  expect(env.OWNER_API_KEY).toBe('x');
});
