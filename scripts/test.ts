/**
 * Runs the suites: `test.ts [unit|integration|e2e|chaos|whole-browser …] [--long] [--seed <number>]`; without names the first
 * four, and with `--long` the sessions with a whole browser too, where one is installed.
 * The last line on stdout is `N passed, N failed`. A file that does not load, a suite whose hook fails and an
 * error outside of any test count as failed; a run without a test fails.
 */
import { parseArgs } from 'node:util';
import { startVitest, type TestModule, type TestSuite } from 'vitest/node';
import { findWholeBrowser } from './machine-browser.ts';

const SUITES = ['unit', 'integration', 'e2e', 'chaos'] as const;

/** The tests of sessions once more, in a whole Chromium. */
const WHOLE_BROWSER = 'whole-browser';

/** Chaos repeats the same faults in the same order, unless another seed is asked for. */
const FIXED_SEED = '1';

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

interface Wish {
  readonly suites: readonly string[];
  readonly long: boolean;
  readonly seed: string;
}

function parseWish(args: string[]): Wish {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { long: { type: 'boolean', default: false }, seed: { type: 'string', default: FIXED_SEED } },
  });
  const known = [...SUITES, WHOLE_BROWSER];
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`There is no suite ${unknown.join(', ')}. The suites are ${known.join(', ')}.`);
  }
  const suites = positionals.length > 0 ? positionals : listSuites(values.long);
  return { suites, long: values.long, seed: values.seed };
}

/** Those of a run that names none. */
function listSuites(long: boolean): readonly string[] {
  if (!long) return SUITES;
  if (findWholeBrowser() !== undefined) return [...SUITES, WHOLE_BROWSER];
  console.error('No whole Chromium is installed, so the sessions are tested in the headless shell alone.');
  return SUITES;
}

/** What went wrong in the file or the suite itself: its import, its hooks. Each such place counts once. */
function brokenPlaces(module: TestModule): number {
  const places: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  return places.filter((place) => place.errors().length > 0).length;
}

function countModule(module: TestModule): Counts {
  const passed = [...module.children.allTests('passed')].length;
  const failed = [...module.children.allTests('failed')].length + brokenPlaces(module);
  // A file can fail without naming a place; it must not pass for that.
  return { passed, failed: failed === 0 && !module.ok() ? 1 : failed };
}

async function runSuites(wish: Wish): Promise<Counts> {
  // Read by test/support/scale.ts in the test processes, which inherit the environment.
  process.env.SWITCHBOARD_TEST_LONG = wish.long ? '1' : '0';
  process.env.SWITCHBOARD_TEST_SEED = wish.seed;
  const vitest = await startVitest([], { project: [...wish.suites], run: true, watch: false });
  await vitest.close();
  const modules = vitest.state.getTestModules().map(countModule);
  const stray = vitest.state.getUnhandledErrors().length;
  const failed = modules.reduce((sum, counts) => sum + counts.failed, stray);
  // Without any place for it, Vitest says only by its exit code that the servers of the tests did not start.
  const unnamed = failed === 0 && process.exitCode !== undefined && process.exitCode !== 0 ? 1 : 0;
  return { passed: modules.reduce((sum, counts) => sum + counts.passed, 0), failed: failed + unnamed };
}

function finish(counts: Counts): void {
  const good = counts.failed === 0 && counts.passed > 0;
  // Exit only once the line is out, and in any case: a handle left open must not hold the run.
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`, () =>
    process.exit(good ? 0 : 1),
  );
}

try {
  finish(await runSuites(parseWish(process.argv.slice(2))));
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  finish({ passed: 0, failed: 1 });
}
