import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
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
  const paths = 'src/channels/whatsapp-web/browser-paths.json';
  await cp(join(ROOT, paths), join(folder.path, paths), { recursive: true });
  await writeFile(join(folder.path, 'package-lock.json'), JSON.stringify(lock));
  await mkdir(join(folder.path, 'npm'));
  await writeFile(join(folder.path, 'npm', 'npm-cli.js'), npm);
  return folder;
}

/** Runs the set-up of the clone, as npm's pre-scripts do; `by` is a program that runs it, with its arguments. */
async function setUp(clone: string, by: readonly string[] = []) {
  const [file = '', ...args] = [...by, process.execPath, join(clone, 'scripts', 'setup.mjs'), '--packages'];
  const child = spawn(file, args, {
    cwd: clone,
    env: {
      ...process.env,
      npm_execpath: join(clone, 'npm', 'npm-cli.js'),
      npm_node_execpath: process.execPath,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((done) => child.once('close', done));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, output, errors };
}

async function npmCalls(clone: string): Promise<string[]> {
  return (await readFile(join(clone, 'npm-calls'), 'utf8')).trim().split('\n');
}

describe('the set-up', () => {
  test("installs what is locked with the user's own npm, and nothing the second time", async () => {
    await using clone = await openClone();
    const first = await setUp(clone.path);
    expect(first).toEqual({ code: 0, output: '', errors: 'Installing the npm packages …\n' });
    expect(await setUp(clone.path)).toEqual({ code: 0, output: '', errors: '' });
    const calls = await npmCalls(clone.path);
    expect(calls).toEqual([expect.stringMatching(/^ci .*--include=dev --include=optional$/)]);
    expect((await readdir(clone.path)).filter((name) => name.startsWith('.setup'))).toEqual([]);
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

  test('says in a few lines why npm failed', async () => {
    await using clone = await openClone('console.error("npm error the registry is down"); process.exit(7);');
    const { code, errors } = await setUp(clone.path);
    expect(code).toBe(1);
    expect(errors).toBe(
      'Installing the npm packages …\nnpm could not install the packages:\nnpm error the registry is down\n',
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
