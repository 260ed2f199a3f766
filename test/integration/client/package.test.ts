import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { runProgram } from '../../support/program.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

let application: TemporaryFolder;
let blocks: readonly string[];

/** An application that has installed the client, with the programs of the page. */
beforeAll(async () => {
  application = await openTemporaryFolder();
  const packages = join(application.path, 'node_modules');
  await mkdir(packages);
  await run([process.execPath, 'scripts/build-client.ts', join(packages, 'switchboard-client')], ROOT);
  for (const name of ['openapi-fetch', 'socket.io-client']) {
    await symlink(join(ROOT, 'node_modules', name), join(packages, name));
  }
  const page = await readFile(join(ROOT, 'docs/client.md'), 'utf8');
  blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? '');
  await writeFile(join(application.path, 'package.json'), '{"type":"module"}');
  for (const [index, code] of blocks.entries()) {
    await writeFile(join(application.path, `program-${index}.ts`), code);
  }
  await writeFile(join(application.path, 'program-0.mjs'), blocks[0] ?? '');
});
afterAll(() => application[Symbol.asyncDispose]());

it('compiles the programs of docs/client.md against the package', async () => {
  expect(blocks).toHaveLength(3);
  const compilerOptions = {
    ...{ strict: true, noEmit: true, module: 'nodenext', target: 'es2024', lib: ['es2024', 'dom'] },
    ...{ skipLibCheck: false, types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
  };
  await writeFile(
    join(application.path, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  );
  await run([process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc')], application.path);
});

it.each(['program-0.ts', 'program-0.mjs'])('runs the program of docs/client.md as %s', async (file) => {
  await using server: TestServer = await openTestServer();
  await server.makeAccount({ phoneNumber: '+491700000008' });
  const frontDesk = await server.makeAccount({ phoneNumber: '+491700000009' });
  await server.ask('PATCH', `/accounts/${frontDesk}`, { body: { displayName: 'Front desk' } });
  const env = { SWITCHBOARD_URL: server.url, SWITCHBOARD_API_KEY: server.key };
  const listed = await run([process.execPath, file], application.path, env);
  expect(listed.split('\n').sort()).toEqual(['', 'Front desk: Connected', 'Test: Connected']);
  const output = await run([process.execPath, file, 'Front desk'], application.path, env);
  expect(output).toMatch(/Front desk: \w+\nAccepted: [\da-f-]{36}, pending\n$/);
  const sent = await server.db.selectFrom('messages').select(['account_id', 'text']).execute();
  expect(sent).toEqual([{ account_id: frontDesk, text: 'Your order is on its way.' }]);
});

it('names the request of an error where an answer has named one, and only there', async () => {
  await using server: TestServer = await openTestServer();
  const program = [process.execPath, 'program-0.ts'] as const;
  const fail = async (url: string) => {
    const env = {
      PATH: process.env.PATH ?? '',
      SWITCHBOARD_URL: url,
      SWITCHBOARD_API_KEY: 'of another daemon',
    };
    const failed = runProgram(program, { cwd: application.path, env });
    return [await failed.ended, failed.errors()];
  };
  expect(await fail(server.url)).toEqual([
    1,
    expect.stringMatching(/^UNAUTHENTICATED: .+ \(request [\w-]+\)\n$/),
  ]);
  expect(await fail('http://127.0.0.1:1')).toEqual([
    1,
    expect.stringMatching(/^UNREACHABLE: .+ \(.+\)\.\n$/),
  ]);
});

async function run(
  command: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = runProgram(command, { cwd, env: { PATH: process.env.PATH ?? '', ...env } });
  expect(await program.ended, program.output() + program.errors()).toBe(0);
  return program.output();
}
