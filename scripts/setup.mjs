/**
 * Makes this clone ready to run: `node scripts/setup.mjs [--packages]`. Installs the npm packages and, without
 * --packages, a browser and Redis, where they are missing; says the one command to run where it cannot. With nothing
 * to do it is silent and takes milliseconds. npm's pre-scripts and ecosystem.config.cjs call it.
 *
 * It and what it imports are plain JavaScript for Node 20 without any package: they run before anything is installed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lock } from './setup/lock.mjs';
import { packagesAreReady, providePackages } from './setup/packages.mjs';
import { catchSignals } from './setup/program-run.mjs';
import { findMissing, providePrograms } from './setup/programs.mjs';
import { ROOT, SetupError, say } from './setup/shell.mjs';

/** The oldest Node that runs this script, and the oldest that runs the daemon. */
const NODE_FOR_SETUP = 20;
const NODE_FOR_DAEMON = 24;

function checkNode(oldest, why) {
  if (Number.parseInt(process.versions.node, 10) >= oldest) return;
  throw new SetupError(`Node ${oldest} or later is needed${why}; this is Node ${process.versions.node}.`);
}

/** npm brings a Node along where there is a package for the platform; elsewhere the user's own runs the daemon. */
function checkNodeForDaemon() {
  if (existsSync(join(ROOT, 'node_modules', '.bin', 'node'))) return;
  checkNode(NODE_FOR_DAEMON, ' on this platform, for which npm does not bring one along');
}

async function setUp(packagesOnly) {
  checkNode(NODE_FOR_SETUP, '');
  const isReady = () => packagesAreReady() && (packagesOnly || findMissing().length === 0);
  if (!isReady()) {
    await lock();
    catchSignals();
    // Another set-up may have done the work while this one waited.
    if (!packagesAreReady()) await providePackages();
    const missing = packagesOnly ? [] : findMissing();
    if (missing.length > 0) await providePrograms(missing);
  }
  checkNodeForDaemon();
}

try {
  await setUp(process.argv.includes('--packages'));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
