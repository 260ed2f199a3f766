import { readFileSync } from 'node:fs';

const { names, patterns } = JSON.parse(
  readFileSync(new URL('../../src/config/secret-names.json', import.meta.url), 'utf8'),
);
const secret = new RegExp([...names.map((name) => `^${name}$`), ...patterns].join('|'));

/** The environment for the programs of the set-up: without the daemon's secrets, otherwise as it is. */
export function childEnvironment(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.test(name)));
}
