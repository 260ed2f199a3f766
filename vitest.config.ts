import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** The full counts (`npm run test:long`) may take this many times as long as the everyday ones. */
const LONG_FACTOR = process.env.SWITCHBOARD_TEST_LONG === '1' ? 20 : 1;

interface Suite {
  readonly name: string;
  readonly include: readonly string[];
  /** On top of the environment of the run. */
  readonly env?: Readonly<Record<string, string>>;
  /** Suites run one after another in this order. */
  readonly order: number;
  /** Test files that run at the same time. */
  readonly files: number;
  /** For one test and for one hook. */
  readonly timeoutMs: number;
  /** Whether its files need the PostgreSQL and the Redis of the run. */
  readonly backends: boolean;
}

/** Of a whole suite. */
const all = (name: string) => [`test/${name}/**/*.test.ts`];

/** What sessions do from a scan to a crash, within the daemon and without it. */
const SESSION_TESTS: readonly string[] = [
  'test/integration/channels/whatsapp-web/*.test.ts',
  'test/e2e/{link-command,fresh-link,devices,pool-limit,restore,vault,stale-profile}.test.ts',
  'test/e2e/{session-faults,reconnecting,containment,killed,guard,stop}.test.ts',
  'test/chaos/sessions.test.ts',
];

const SUITES: readonly Suite[] = [
  {
    ...{ name: 'unit', include: all('unit') },
    ...{ order: 0, files: 2, timeoutMs: 5 * SECOND_MS, backends: false },
  },
  {
    ...{ name: 'integration', include: all('integration') },
    ...{ order: 1, files: 2, timeoutMs: MINUTE_MS, backends: true },
  },
  { name: 'e2e', include: all('e2e'), order: 2, files: 2, timeoutMs: 3 * MINUTE_MS, backends: true },
  { name: 'chaos', include: all('chaos'), order: 3, files: 2, timeoutMs: 5 * MINUTE_MS, backends: true },
  {
    // The counts of every day, since only the browser is another: a whole Chromium, in its new headless mode.
    ...{ name: 'whole-browser', include: SESSION_TESTS },
    env: { CHROME_HEADLESS: 'new', PUPPETEER_EXECUTABLE_PATH: '', SWITCHBOARD_TEST_LONG: '0' },
    ...{ order: 4, files: 2, timeoutMs: 5 * MINUTE_MS, backends: true },
  },
];

function suiteToProject(suite: Suite): TestProjectInlineConfiguration {
  const timeoutMs = suite.timeoutMs * (suite.name === 'unit' ? 1 : LONG_FACTOR);
  return {
    test: {
      name: suite.name,
      include: [...suite.include],
      ...(suite.env ? { env: suite.env } : {}),
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
