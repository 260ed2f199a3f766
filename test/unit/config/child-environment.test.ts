import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { childEnvironment } from '../../../src/config/child-environment.ts';
import { CLI_VARIABLES, VARIABLES } from '../../../src/config/variables.ts';

/** That of the set-up is plain JavaScript. */
const setup: { childEnvironment: typeof childEnvironment } = await import(
  resolve(import.meta.dirname, '../../../scripts/setup/child-environment.mjs')
);
const BOTH = [
  ['the daemon', childEnvironment],
  ['the set-up', setup.childEnvironment],
] as const;

it.each(BOTH)('%s hands everything on but the secrets', (_whose, filter) => {
  const env = {
    PATH: '/usr/bin',
    LANG: 'de_DE.UTF-8',
    CHROME_EXTRA_ARGS: '--no-sandbox',
    EMPTY: '',
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
  expect(filter(env)).toEqual({
    PATH: '/usr/bin',
    LANG: 'de_DE.UTF-8',
    CHROME_EXTRA_ARGS: '--no-sandbox',
    EMPTY: '',
    S3_BUCKET: 'media',
    S3_ENDPOINT: 'https://s3.example',
  });
  expect(env.OWNER_API_KEY).toBe('x');
});

it.each(BOTH)(
  '%s hands on what is no secret of the table of variables, and nothing else of it',
  (_whose, filter) => {
    const table = { ...VARIABLES, ...CLI_VARIABLES };
    const given = Object.fromEntries(Object.keys(table).map((name) => [name, 'x']));
    const open = Object.entries(table).filter(([, { secret }]) => !secret);
    expect(Object.keys(filter(given))).toEqual(open.map(([name]) => name));
  },
);

it('hands no variable on that is not set', () => {
  expect(childEnvironment({ UNSET: undefined })).toEqual({});
});
