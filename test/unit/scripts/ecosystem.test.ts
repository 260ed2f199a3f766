import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

interface PmApp {
  readonly cwd: string;
  readonly script: string;
  readonly interpreter: string;
  readonly node_args: readonly string[];
  readonly kill_timeout: number;
  readonly treekill: boolean;
  readonly wait_ready: boolean;
  readonly env?: Record<string, string>;
}

/** What the daemon takes to drain, see the timings of its stop. */
const DRAIN_DEADLINE_MS = 30_000;
const ROOT = resolve(import.meta.dirname, '../../..');
const argv = [...process.argv];

// As `pm2 stop` reads it: that command does not run the set-up.
beforeEach(() => {
  process.argv = ['node', 'pm2', 'stop', 'ecosystem.config.cjs'];
});
afterEach(() => {
  process.argv = argv;
});

function loadApp(): PmApp {
  const loaded: { apps: [PmApp] } = createRequire(import.meta.url)(join(ROOT, 'ecosystem.config.cjs'));
  return loaded.apps[0];
}

test('PM2 runs the daemon of this clone on the Node that came with npm', () => {
  const app = loadApp();
  expect(app.cwd).toBe(ROOT);
  expect(existsSync(app.interpreter)).toBe(true);
  expect(app.script).toBe('src/main.ts');
  expect(app.wait_ready).toBe(true);
});

test('PM2 gives Node what `npm start` and the image give it', () => {
  const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
  const { start } = JSON.parse(read('package.json')).scripts as { start: string };
  const args = start.split(' ').slice(2, -1);
  expect(loadApp().node_args).toEqual(args);
  expect(read('Dockerfile')).toContain(
    JSON.stringify(['node', ...args, 'src/main.ts']).replaceAll(',', ', '),
  );
});

test('PM2 lets the daemon drain and stop its own servers', () => {
  const app = loadApp();
  expect(app.kill_timeout).toBeGreaterThan(DRAIN_DEADLINE_MS);
  expect(app.treekill).toBe(false);
});

test('production is something to ask for', () => {
  expect(loadApp().env?.NODE_ENV).toBeUndefined();
});
