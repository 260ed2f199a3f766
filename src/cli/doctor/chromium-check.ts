import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, getBrowser } from '../../channels/whatsapp-web/browser.ts';
import { childEnvironment } from '../../config/child-environment.ts';
import type { Config } from '../../config/config.ts';
import type { Environment } from '../../config/environment.ts';
import { isAppError, toError } from '../../lib/errors.ts';
import { bad, type Finding, good } from './finding.ts';

/** A browser that shows nothing within this is of no use, in milliseconds. */
const SHOW_MS = 30_000;
const PAGE_TEXT = 'switchboard-doctor';

export interface ChromiumDeps {
  readonly config: Config['browser'];
  readonly isRoot: boolean;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** Finds the browser that sessions would use, and has it show a page. */
export async function checkChromium(deps: ChromiumDeps): Promise<Finding> {
  let browser: Browser;
  try {
    browser = getBrowser(deps.config);
  } catch (thrown) {
    if (!isAppError(thrown, 'BROWSER_MISSING')) throw thrown;
    return bad(...splitRemedy(thrown.message));
  }
  const { executablePath: path } = browser;
  try {
    const shown = await showPage(browser, deps);
    if (shown.includes(PAGE_TEXT)) return good(`${path} shows a page${describeKind(browser)}.`);
    return bad(`${path} starts, but shows no page.`, REINSTALL);
  } catch (thrown) {
    deps.signal.throwIfAborted();
    return bad(`${path} cannot show a page: ${describeEnd(thrown)}`, REINSTALL);
  }
}

const REINSTALL =
  'Install the browser with all that it needs (Debian: apt-get install chromium-headless-shell), or set PUPPETEER_EXECUTABLE_PATH. In a container a user who is not root needs user namespaces for its sandbox.';

function describeKind({ headless }: Browser): string {
  return headless === 'shell' ? '' : '; chrome-headless-shell would need less than half the memory';
}

async function showPage(browser: Browser, { config, isRoot, env, signal }: ChromiumDeps): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-doctor-'));
  try {
    const { stdout } = await promisify(execFile)(
      browser.executablePath,
      [
        '--headless',
        '--disable-gpu',
        `--user-data-dir=${folder}`,
        ...(isRoot ? ['--no-sandbox'] : []),
        ...config.extraArgs,
        '--dump-dom',
        `data:text/html,<p>${PAGE_TEXT}</p>`,
      ],
      { env: childEnvironment(env), timeout: SHOW_MS, killSignal: 'SIGKILL', signal },
    );
    return stdout;
  } finally {
    // What it still writes on its way out is waited for.
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Of what the browser has said, the last thing; else how it ended. Its arguments may hold a proxy's password. */
function describeEnd(thrown: unknown): string {
  const error: Error & { stderr?: string; killed?: boolean; code?: unknown } = toError(thrown);
  if (error.killed) return `it was ended after ${SHOW_MS / 1_000} s.`;
  const lines = (error.stderr ?? '').trim().split('\n');
  return lines.at(-1) || `it ended with ${String(error.code)}.`;
}

/** What is wrong, and what to do: the first sentence of such a message and the rest. */
export function splitRemedy(message: string): [found: string, remedy: string] {
  const [, found = message, remedy = ''] = /^(.*?\.) (?=[A-Z])(.*)$/s.exec(message) ?? [];
  return [found, remedy];
}
