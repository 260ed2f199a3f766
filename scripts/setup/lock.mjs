/**
 * One set-up of a clone at a time: `.setup.lock` names the owner, and on a second line the program that it runs, by
 * pid and start time. npm may kill a set-up and leave its program at work: the lock is held while either lives, and
 * taken over after that. It is put into place complete, so that none is ever read without its owner.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, readText, SetupError, say } from './shell.mjs';

const LOCK = join(ROOT, '.setup.lock');

/** How often the lock of another set-up is looked at. */
const LOOK_EVERY_MS = 200;

/** Waits until no other set-up is at work, and keeps others out until this process ends. */
export async function lock() {
  let told = false;
  while (!take()) {
    const owner = readText(LOCK);
    if (owner === '') continue;
    const alive = owner.split('\n').find(isRunning);
    if (alive === undefined) {
      putAside(owner);
      continue;
    }
    if (!told) say(`Another set-up (pid ${Number.parseInt(alive, 10)}) is at work; waiting for it …`);
    told = true;
    await delay(LOOK_EVERY_MS);
  }
  process.once('exit', () => {
    if (!readText(LOCK).split('\n').slice(1).some(isRunning)) rmSync(LOCK, { force: true });
  });
}

/** Keeps the lock for a program that this set-up runs, in case it outlives the set-up. Nothing without the lock. */
export function holdFor(pid) {
  const mine = identity(process.pid);
  if (!readText(LOCK).startsWith(mine)) return;
  const next = `${LOCK}.${process.pid}`;
  writeFileSync(next, `${mine}\n${identity(pid)}`);
  renameSync(next, LOCK);
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

/**
 * `<pid> <start time>`: a pid alone may belong to another process after a restart of the machine. `<pid> ended` of a
 * dead one that its parent has not taken notice of, and in a container may never do.
 */
function identity(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')')).split(' ');
    return `${pid} ${fields[1] === 'Z' ? 'ended' : fields[20]}`;
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
