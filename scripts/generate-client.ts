/**
 * `npm run generate:client`: writes what src/client/ has from the OpenAPI document. It installs openapi-typescript in
 * scripts/client-types/, apart from the project's own packages.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { childEnvironment } from '../src/config/child-environment.ts';
import { documentToClientPart, makeKeyedPathsFile, makeTypesFile } from './client-files.ts';
import { makeOpenApiDocument } from './openapi-document.ts';

const GENERATOR = join(import.meta.dirname, 'client-types');
const CLIENT = join(import.meta.dirname, '../src/client');

/** Runs a program in the generator's folder, gives it `input` and resolves with what it writes. */
async function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, {
    cwd: GENERATOR,
    env: childEnvironment(process.env),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(input);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}.`);
  return output;
}

await run('npm', ['ci', '--loglevel=error']);
const document = documentToClientPart(await makeOpenApiDocument());
const types = await run(process.execPath, ['generate.mjs'], JSON.stringify(document));
await writeFile(join(CLIENT, 'openapi.ts'), makeTypesFile(types, document));
await writeFile(join(CLIENT, 'keyed-paths.ts'), makeKeyedPathsFile(document));
