/**
 * `npm run build:client [folder]`: compiles src/client/ into dist/client/, a package of its own that applications install
 * (docs/client.md). Node runs no TypeScript within node_modules, so that they need it as JavaScript.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { childEnvironment } from '../src/config/child-environment.ts';

const ROOT = join(import.meta.dirname, '..');
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

const { version, license, dependencies } = packageJson;
const MANIFEST = {
  name: 'switchboard-client',
  version,
  description: "A typed client of Switchboard's HTTP API",
  license,
  type: 'module',
  engines: { node: '>=20' },
  exports: { '.': { types: './client.d.ts', default: './client.js' } },
  dependencies: { 'openapi-fetch': dependencies['openapi-fetch'] },
};

const folder = resolve(process.argv[2] ?? join(ROOT, 'dist/client'));
await rm(folder, { recursive: true, force: true });
const compiler = spawn(
  process.execPath,
  [TSC, '-p', join(ROOT, 'tsconfig.client.json'), '--outDir', folder],
  { stdio: 'inherit', env: childEnvironment(process.env) },
);
const [code] = await once(compiler, 'close');
if (code !== 0) throw new Error(`The client was not compiled: tsc ended with ${code}.`);
await writeFile(join(folder, 'package.json'), `${JSON.stringify(MANIFEST, null, 2)}\n`);
