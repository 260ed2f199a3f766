import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** The full counts (`npm run test:long`) may take this many times as long as the everyday ones. */
const LONG_FACTOR = process.env.SWITCHBOARD_TEST_LONG === '1' ? 20 : 1;

interface Suite {
  readonly name: string;
  /** Suites run one after another in this order. */
  readonly order: number;
  /** Test files that run at the same time. */
  readonly files: number;
  /** For one test and for one hook. */
  readonly timeoutMs: number;
  /** Whether its files need the PostgreSQL and the Redis of the run. */
  readonly backends: boolean;
}

const SUITES: readonly Suite[] = [
  { name: 'unit', order: 0, files: 2, timeoutMs: 5 * SECOND_MS, backends: false },
  { name: 'integration', order: 1, files: 2, timeoutMs: MINUTE_MS, backends: true },
  { name: 'e2e', order: 2, files: 2, timeoutMs: 3 * MINUTE_MS, backends: true },
  { name: 'chaos', order: 3, files: 2, timeoutMs: 5 * MINUTE_MS, backends: true },
];

function suiteToProject(suite: Suite): TestProjectInlineConfiguration {
  const timeoutMs = suite.timeoutMs * (suite.name === 'unit' ? 1 : LONG_FACTOR);
  return {
    test: {
      name: suite.name,
      include: [`test/${suite.name}/**/*.test.ts`],
      pool: 'forks',
      maxWorkers: suite.files,
      sequence: { groupOrder: suite.order },
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      // A test that passes at the second try is a failing test, and a forgotten `only` hides the others.
      retry: 0,
      allowOnly: false,
      ...(suite.backends ? { globalSetup: ['test/support/backends.ts'] } : {}),
    },
  };
}

export default defineConfig({
  test: { projects: SUITES.map(suiteToProject) },
});
