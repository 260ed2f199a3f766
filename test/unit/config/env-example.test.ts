import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse-config.ts';
import { CLI_VARIABLES, VARIABLES } from '../../../src/config/variables.ts';
import { makeEnvExample } from '../../support/env-example.ts';

const PATH = join(import.meta.dirname, '../../../.env.example');
const text = readFileSync(PATH, 'utf8');

describe('.env.example', () => {
  it('is what the table of variables says (vitest -u writes it anew)', async () => {
    await expect(makeEnvExample()).toMatchFileSnapshot(PATH);
  });

  it('lists every variable that is read, and no other', () => {
    const listed = [...text.matchAll(/^#([A-Z\d_]+)=/gm)].map((match) => match[1]);
    const read = new Set([...Object.keys(VARIABLES), ...Object.keys(CLI_VARIABLES)]);
    expect(listed.toSorted()).toEqual([...read].toSorted());
  });

  it('names every variable that parseConfig looks at', () => {
    const looked = new Set<string>();
    const env = new Proxy<Record<string, string | undefined>>(
      {},
      {
        get: (_target, name) => {
          looked.add(String(name));
          return undefined;
        },
      },
    );
    parseConfig(env, { cwd: '/' });
    expect([...looked].filter((name) => !text.includes(`\n#${name}=`))).toEqual([]);
    expect(looked.size).toBe(Object.keys(VARIABLES).length);
  });

  it('changes nothing when it is copied, and states the defaults when its lines are taken in', () => {
    expect(parseEnv(text)).toEqual({});
    const uncommented = parseEnv(text.replaceAll(/^#([A-Z\d_]+=)/gm, '$1'));
    expect(parseConfig(uncommented, { cwd: '/srv' })).toEqual(parseConfig({}, { cwd: '/srv' }));
  });
});
