import { expect, it } from 'vitest';
import { requireServerVersion } from '../../../src/db/server-version.ts';

it.each([
  ['13.0', 130_000],
  ['18.1', 180_001],
])('takes a server of version %s', (version, versionNumber) => {
  expect(() => requireServerVersion({ version, versionNumber })).not.toThrow();
});

it.each([
  ['12.22', 120_022],
  ['9.6.24', 90_624],
])('refuses a server of version %s, and says which one to use', (version, versionNumber) => {
  expect(() => requireServerVersion({ version, versionNumber })).toThrow(
    `The server at DATABASE_URL is PostgreSQL ${version}. Use PostgreSQL 13 or newer.`,
  );
});
