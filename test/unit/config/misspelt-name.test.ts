import { describe, expect, it } from 'vitest';
import { describeStrangeName } from '../../../src/config/misspelt-name.ts';
import { CLI_VARIABLES, VARIABLES } from '../../../src/config/variables.ts';

const KNOWN = [...Object.keys(VARIABLES), ...Object.keys(CLI_VARIABLES)];

describe('describeStrangeName', () => {
  it.each([
    ['PROT', 'PORT'],
    ['port', 'PORT'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATA-PATH', 'DATA_PATH'],
    ['OWNER_APIKEY', 'OWNER_API_KEY'],
    ['WHATSAPP_MAX_CONNECTION', 'WHATSAPP_MAX_CONNECTIONS'],
  ])('takes %s for %s', (name, meant) => {
    expect(describeStrangeName(name, KNOWN)).toBe(
      `.env sets ${name}, which Switchboard does not read. Is ${meant} meant?`,
    );
  });

  it('tells a name that can only be meant for Switchboard', () => {
    expect(describeStrangeName('WHATSAPP_PROXY', KNOWN)).toBe(
      '.env sets WHATSAPP_PROXY, which Switchboard does not read. .env.example lists what it reads.',
    );
  });

  it.each([...KNOWN, 'TZ', 'PGPORT', 'S3_BUCKET', 'COMPOSE_FILE', 'ENCRYPTION_KEY_PREVIOUS', 'HTTPS_PROXY'])(
    'has nothing to say about %s',
    (name) => {
      expect(describeStrangeName(name, KNOWN)).toBeUndefined();
    },
  );
});
