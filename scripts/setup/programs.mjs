import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { BROWSERS, findRemedy, isBrowser, isInstalled, readDistribution } from './machine.mjs';
import { run } from './program-run.mjs';
import { readText, SetupError, SYSTEM_PATH, say, setting } from './shell.mjs';

/** How long apt-get waits for another apt-get, in seconds. */
const APT_WAIT_S = 300;

const NAMES = {
  browser: 'a Chromium or Chrome that is not a snap (or PUPPETEER_EXECUTABLE_PATH set to one)',
  redis: 'redis-server 6.2 or later (or REDIS_URL set to one)',
};

/** The programs outside of npm that are missing: 'browser', 'redis'. */
export function findMissing() {
  const missing = [];
  if (setting('PUPPETEER_EXECUTABLE_PATH') === '' && !BROWSERS.some(isBrowser)) missing.push('browser');
  const path = `${process.env.PATH ?? ''}${delimiter}${SYSTEM_PATH}`;
  if (setting('REDIS_URL') === '' && !isInstalled('redis-server', path)) missing.push('redis');
  return missing;
}

/** Installs what is missing where that is ours to do; throws with the one command to run elsewhere. */
export async function providePrograms(missing) {
  const remedy = findRemedy(missing, {
    root: process.getuid?.() === 0,
    arch: process.arch,
    distribution: readDistribution(process.platform, readText('/etc/os-release')),
  });
  if (remedy.kind === 'tell') throw new SetupError(explain(missing, remedy.command));
  await installWithApt(remedy.packages);
  const still = findMissing();
  if (still.length > 0) throw new SetupError(explain(still, ''));
}

function explain(missing, command) {
  const lack = `This machine lacks ${missing.map((need) => NAMES[need]).join(' and ')}.`;
  if (command === '') return `${lack} Install it with the package manager of this system, then try again.`;
  return `${lack} Run this, then try again:\n\n  ${command}\n`;
}

async function installWithApt(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' };
  const wait = ['-o', `DPkg::Lock::Timeout=${APT_WAIT_S}`];
  say('Reading the package lists …');
  const update = await run('apt-get', ['update', '-qq', ...wait], { env });
  say(`Installing ${packages.join(' and ')} …`);
  const idle = mkdtempSync(join(tmpdir(), 'switchboard-setup-'));
  try {
    // Debian starts a service as soon as its package is there. The daemon brings up its own Redis, so the two
    // programs that would start one do nothing while this apt-get runs; nothing on the system is changed for it.
    for (const name of ['invoke-rc.d', 'deb-systemd-invoke']) symlinkSync('/bin/true', join(idle, name));
    const options = [...wait, '-o', `DPkg::Path=${idle}:${SYSTEM_PATH}`];
    const flags = ['-y', '-qq', '--no-install-recommends'];
    const install = await run('apt-get', ['install', ...flags, ...options, ...packages], { env });
    if (install.code !== 0) {
      const reason = update.code === 0 ? install.output : `${update.output}\n${install.output}`;
      throw new SetupError(`apt-get could not install ${packages.join(' ')}:\n${reason}`);
    }
  } finally {
    rmSync(idle, { recursive: true, force: true });
  }
  // Nor at the next boot. This fails where there is no systemd, and there nothing would start it.
  if (packages.includes('redis-server')) await run('systemctl', ['disable', 'redis-server'], { env });
}
