import { expect, test } from 'vitest';
import { serverEnvironment } from '../../../src/embedded/server-environment.ts';

test('an embedded server gets the environment without secrets and without what would configure it', () => {
  const env = {
    PATH: '/usr/bin',
    TZ: 'Europe/Berlin',
    ENCRYPTION_KEY: 'x',
    ENCRYPTION_KEY_PREVIOUS: 'x',
    OWNER_API_KEY: 'x',
    JWT_SECRET: 'x',
    S3_SECRET_ACCESS_KEY: 'x',
    DATABASE_URL: 'x',
    REDIS_URL: 'x',
    SWITCHBOARD_API_KEY: 'x',
    PGPORT: '1',
    PGDATA: '/elsewhere',
  };
  expect(serverEnvironment(env)).toEqual({ PATH: '/usr/bin', TZ: 'Europe/Berlin', LC_ALL: 'C' });
});
