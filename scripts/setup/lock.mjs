/**
 * One set-up of a clone at a time: `.setup.lock` names the owner by pid and start time. A lock is linked into place
 * complete, so that none is ever read without its owner, and the lock of a dead owner is taken over.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, readText, SetupError, say, signalPrograms } from './shell.mjs';

const LOCK = join(ROOT, '.setup.lock');

/** How often the lock of another set-up is looked at. */
const LOOK_EVERY_MS = 200;

/** Waits until no other set-up is at work, and keeps others out until this process ends. */
export async function lock() {
  let told = false;
  while (!take()) {
    const owner = readText(LOCK);
    if (owner === '') continue;
    if (!isRunning(owner)) {
      putAside(owner);
      continue;
    }
    if (!told) say(`Another set-up (pid ${Number.parseInt(owner, 10)}) is at work; waiting for it …`);
    told = true;
    await delay(LOOK_EVERY_MS);
  }
  process.once('exit', () => rmSync(LOCK, { force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      signalPrograms(signal);
      process.exit(1);
    });
  }
}

function take() {
  const mine = `${LOCK}.${process.pid}`;
  try {
    writeFileSync(mine, identity(process.pid));
    linkSync(mine, LOCK);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new SetupError(
      `The folder ${ROOT} cannot be written (${error.code}). Correct its owner or mode, or run as another user.`,
    );
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Removes a dead owner's lock; another's that came in between goes back to its place. */
function putAside(owner) {
  const aside = `${LOCK}.${process.pid}.dead`;
  try {
    renameSync(LOCK, aside);
    if (readText(aside) !== owner) linkSync(aside, LOCK);
  } catch (error) {
    // Somebody else was faster.
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** `<pid> <start time>`: a pid alone may belong to another process after a restart of the machine. */
function identity(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid} ${stat.slice(stat.lastIndexOf(')')).split(' ')[20]}`;
  } catch {
    return `${pid}`;
  }
}

function isRunning(owner) {
  const pid = Number.parseInt(owner, 10);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return identity(pid) === owner;
}
