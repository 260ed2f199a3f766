import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, watch, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Installs at once: writes down that it was called and makes node_modules as the lock file says. */
const NPM = `
  const fs = require('node:fs');
  fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n');
  fs.mkdirSync('node_modules/.bin', { recursive: true });
  fs.writeFileSync('node_modules/.bin/node', '');
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

/** A clone with one locked package and an npm that needs no network. */
async function openClone(npm = NPM) {
  const folder = await openTemporaryFolder();
  const lock = { packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } } };
  await cp(join(ROOT, 'scripts'), join(folder.path, 'scripts'), { recursive: true });
  for (const table of ['src/channels/whatsapp-web/browser-paths.json', 'src/config/secret-names.json'])
    await cp(join(ROOT, table), join(folder.path, table), { recursive: true });
  await writeFile(join(folder.path, 'package-lock.json'), JSON.stringify(lock));
  await mkdir(join(folder.path, 'npm'));
  await writeFile(join(folder.path, 'npm', 'npm-cli.js'), npm);
  return folder;
}

/** Waits for a Ctrl-C, and then for the file "may-end"; a second Ctrl-C would end it at once. */
const SLOW_NPM = `
  const fs = require('node:fs');
  process.once('SIGINT', () => {
    fs.watch('.', () => {
      if (!fs.existsSync('may-end')) return;
      fs.rmSync('may-end');
      fs.appendFileSync('npm-calls', 'rolled back\\n');
      process.exit(1);
    });
    // It watches by now: what comes next is not missed.
    fs.writeFileSync('interrupted', '');
  });
  setInterval(() => undefined, 1000);
  fs.writeFileSync('npm-pid', String(process.pid));
  fs.renameSync('npm-pid', 'npm-runs');
`;

/** Runs the set-up of the clone, as npm's pre-scripts do; `by` is a program that runs it, with its arguments. */
async function setUp(clone: string, by: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  return startSetUp(clone, by, env).ended;
}

function startSetUp(clone: string, by: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const [file = '', ...args] = [...by, process.execPath, join(clone, 'scripts', 'setup.mjs'), '--packages'];
  const child = spawn(file, args, {
    cwd: clone,
    env: {
      ...process.env,
      npm_execpath: join(clone, 'npm', 'npm-cli.js'),
      npm_node_execpath: process.execPath,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((done) => child.once('close', done));
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = outputs.then(async ([output, errors]) => ({ code: await code, output, errors }));
  return { child, ended };
}

/** Resolves once the file is in the clone, which is watched from before the look. */
async function appeared(clone: string, name: string): Promise<void> {
  const stop = new AbortController();
  const changes = watch(clone, { signal: stop.signal })[Symbol.asyncIterator]();
  let change = changes.next();
  while (!existsSync(join(clone, name))) {
    await change;
    change = changes.next();
  }
  stop.abort();
  await change.catch(() => undefined);
}

async function npmCalls(clone: string): Promise<string[]> {
  return (await readFile(join(clone, 'npm-calls'), 'utf8')).trim().split('\n');
}

describe('the set-up', () => {
  test("installs what is locked with the user's own npm, and nothing the second time", async () => {
    await using clone = await openClone();
    const first = await setUp(clone.path);
    expect(first).toEqual({
      code: 0,
      output: '',
      errors: 'Installing the npm packages (about half a minute) …\n',
    });
    expect(await setUp(clone.path)).toEqual({ code: 0, output: '', errors: '' });
    const calls = await npmCalls(clone.path);
    expect(calls).toEqual([expect.stringMatching(/^ci .*--include=dev --include=optional$/)]);
    expect((await readdir(clone.path)).filter((name) => name.startsWith('.setup'))).toEqual([]);
  });

  test('tells npm, and so the install scripts of packages, none of the secrets', async () => {
    await using clone = await openClone(`${NPM} fs.writeFileSync('seen', JSON.stringify(process.env));`);
    const secrets = { ENCRYPTION_KEY: 'x', OWNER_API_KEY: 'x', DATABASE_URL: 'x', S3_SECRET_ACCESS_KEY: 'x' };
    expect(await setUp(clone.path, [], { ...secrets, S3_BUCKET: 'media' })).toMatchObject({ code: 0 });
    const seen = JSON.parse(await readFile(join(clone.path, 'seen'), 'utf8'));
    expect(Object.keys(seen).filter((name) => name in secrets)).toEqual([]);
    expect(seen).toMatchObject({ S3_BUCKET: 'media', npm_node_execpath: process.execPath });
  });

  test('links the Node that npm installed and did not link', async () => {
    const bundled = `node_modules/node-${process.platform}-${process.arch}/bin`;
    await using clone = await openClone(
      `${NPM} fs.rmSync('node_modules/.bin', { recursive: true });
       fs.mkdirSync('${bundled}', { recursive: true }); fs.writeFileSync('${bundled}/node', 'bundled');`,
    );
    expect(await setUp(clone.path)).toMatchObject({ code: 0 });
    expect(await readFile(join(clone.path, 'node_modules', '.bin', 'node'), 'utf8')).toBe('bundled');
    expect(await npmCalls(clone.path)).toHaveLength(1);
  });

  test('installs once when it is started twice at the same moment', async () => {
    await using clone = await openClone();
    const runs = await Promise.all([setUp(clone.path), setUp(clone.path)]);
    expect(runs.map((run) => run.code)).toEqual([0, 0]);
    expect(await npmCalls(clone.path)).toHaveLength(1);
  });

  test.each([
    ['a process that is gone', '2147483646 1'],
    ['a pid that belongs to another process by now', `${process.pid} 1`],
    ['nobody', 'rubbish'],
  ])('takes over the lock of %s', async (_, owner) => {
    await using clone = await openClone();
    await writeFile(join(clone.path, '.setup.lock'), owner);
    expect(await setUp(clone.path)).toMatchObject({ code: 0 });
    expect(await npmCalls(clone.path)).toHaveLength(1);
  });

  test('waits at a Ctrl-C until npm has ended, and holds the lock until then', async () => {
    await using clone = await openClone(SLOW_NPM);
    const { child, ended } = startSetUp(clone.path);
    await appeared(clone.path, 'npm-runs');
    // npm hands a Ctrl-C on twice.
    child.kill('SIGINT');
    child.kill('SIGINT');
    await appeared(clone.path, 'interrupted');
    expect(existsSync(join(clone.path, '.setup.lock'))).toBe(true);
    expect(child.exitCode).toBeNull();
    await writeFile(join(clone.path, 'may-end'), '');
    expect(await ended).toEqual({
      code: 1,
      output: '',
      errors:
        'Installing the npm packages (about half a minute) …\nStopping npm …\nThe set-up was stopped (SIGINT). Run the same command to go on.\n',
    });
    expect(await npmCalls(clone.path)).toEqual(['rolled back']);
    expect(existsSync(join(clone.path, '.setup.lock'))).toBe(false);
  });

  test('waits for the npm that a killed set-up has left at work', async () => {
    await using clone = await openClone(SLOW_NPM);
    const first = startSetUp(clone.path);
    await appeared(clone.path, 'npm-runs');
    first.child.kill('SIGKILL');
    await first.ended;
    const npm = Number(await readFile(join(clone.path, 'npm-runs'), 'utf8'));
    await writeFile(join(clone.path, 'npm', 'npm-cli.js'), NPM);
    const second = startSetUp(clone.path);
    const [told] = await once(second.child.stderr, 'data');
    expect(String(told)).toBe(`Another set-up (pid ${npm}) is at work; waiting for it …\n`);
    process.kill(npm, 'SIGINT');
    await appeared(clone.path, 'interrupted');
    await writeFile(join(clone.path, 'may-end'), '');
    expect(await second.ended).toMatchObject({ code: 0 });
    expect(await npmCalls(clone.path)).toEqual(['rolled back', expect.stringMatching(/^ci /)]);
  });

  test('says in a few lines why npm failed', async () => {
    await using clone = await openClone('console.error("npm error the registry is down"); process.exit(7);');
    const { code, errors } = await setUp(clone.path);
    expect(code).toBe(1);
    expect(errors).toBe(
      'Installing the npm packages (about half a minute) …\nnpm could not install the packages:\nnpm error the registry is down\nRun the same command again; if that fails too, remove node_modules first.\n',
    );
  });

  test('names the folder that it may not write', async () => {
    await using clone = await openClone();
    // Root may write anywhere, unless it gives that right up.
    const bound = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override', '--'] : [];
    await chmod(clone.path, 0o555);
    const { code, errors } = await setUp(clone.path, bound);
    await chmod(clone.path, 0o700);
    expect(code).toBe(1);
    expect(errors).toContain(`The folder ${clone.path} cannot be written (EACCES).`);
    expect(errors.trim().split('\n')).toHaveLength(1);
  });
});
