/**
 * Switchboard under PM2: `npx pm2 start ecosystem.config.cjs`. It makes the clone ready first, like `npm start`.
 * `--env production` sets NODE_ENV, which asks for an ENCRYPTION_KEY of your own.
 */
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

/** The daemon has 30 s to drain and then stops its database; only after that PM2 may kill it. */
const KILL_TIMEOUT_MS = 60_000;

/** PostgreSQL may have to recover and the schema to be migrated before the daemon says that it is ready. */
const LISTEN_TIMEOUT_MS = 120_000;

/** The first pause between two starts that fail; PM2 lengthens it up to 15 s. */
const FIRST_RESTART_DELAY_MS = 100;

/** Megabytes of young objects, as in package.json: by itself Node would let them grow by 45 MB. */
const SEMI_SPACE_MB = 4;

/** PM2 reads this file for its other commands too, and a stop must not wait for a set-up, nor fail with one. */
const STOPPING = ['stop', 'delete', 'del'];

if (!process.argv.some((argument) => STOPPING.includes(argument))) {
  const setup = spawnSync(process.execPath, [join(__dirname, 'scripts', 'setup.mjs')], { stdio: 'inherit' });
  // The set-up has said what is wrong; an exception would bury that under PM2's own report.
  if (setup.status !== 0) process.exit(1);
}

module.exports = {
  apps: [
    {
      name: 'switchboard',
      cwd: __dirname,
      script: 'src/main.ts',
      interpreter: join(__dirname, 'node_modules', '.bin', 'node'),
      node_args: [`--max-semi-space-size=${SEMI_SPACE_MB}`],
      exec_mode: 'fork',
      instances: 1,
      wait_ready: true,
      listen_timeout: LISTEN_TIMEOUT_MS,
      kill_timeout: KILL_TIMEOUT_MS,
      // The daemon stops its own browsers and servers, after it has drained through them.
      treekill: false,
      // One pair of log files, without the instance's number in their names.
      merge_logs: true,
      exp_backoff_restart_delay: FIRST_RESTART_DELAY_MS,
      // PM2 would ask git about the clone at every start.
      vizion: false,
      env_production: { NODE_ENV: 'production' },
    },
  ],
};
