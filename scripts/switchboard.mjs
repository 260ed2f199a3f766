#!/usr/bin/env node
/**
 * The `switchboard` command: runs src/cli/main.ts with the Node that npm installed for this repository (the one that
 * started this file may be older and not understand TypeScript), in the repository's folder, where its .env is. Names of
 * files are meant where it was called.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const installed = join(root, 'node_modules', '.bin', 'node');
const node = existsSync(installed) ? installed : process.execPath;

if (!existsSync(join(root, 'node_modules', 'commander'))) {
  console.error(`The packages are not installed. Run this once: cd ${root} && npm run setup -- --packages`);
  process.exit(1);
}

const child = spawn(node, [join(root, 'src', 'cli', 'main.ts'), ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, SWITCHBOARD_CALLER_FOLDER: process.cwd() },
  stdio: 'inherit',
});

// A terminal sends Ctrl-C to both; the child says what it leaves behind, and this process waits for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}

child.on('error', (error) => {
  console.error(`Node could not be started: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
