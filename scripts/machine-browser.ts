import { type Browser, getBrowser } from '../src/channels/whatsapp-web/browser.ts';
import type { Config } from '../src/config/config.ts';
import { parseVariables } from '../src/config/environment.ts';
import { VARIABLES } from '../src/config/variables.ts';
import { isAppError } from '../src/lib/errors.ts';

const { PUPPETEER_EXECUTABLE_PATH, CHROME_HEADLESS } = VARIABLES;

/** What says where the browser of this machine is, and how it runs. */
export const BROWSER_VARIABLES = { PUPPETEER_EXECUTABLE_PATH, CHROME_HEADLESS } as const;

/**
 * What a daemon of this machine is told about its browser, for what launches one beside it.
 * @throws AppError CONFIG_INVALID
 */
export function readBrowserConfig(): Config['browser'] {
  const values = parseVariables(process.env, BROWSER_VARIABLES, { cwd: process.cwd() });
  return {
    executablePath: values.PUPPETEER_EXECUTABLE_PATH,
    headless: values.CHROME_HEADLESS,
    extraArgs: [],
  };
}

/**
 * The browser that a daemon of this machine would launch.
 * @throws AppError BROWSER_MISSING with the remedy
 */
export function findMachineBrowser(): Browser {
  return getBrowser(readBrowserConfig());
}

/** A whole Chromium, whatever the environment names: it runs in the new headless mode. Undefined if none is installed. */
export function findWholeBrowser(): Browser | undefined {
  try {
    return getBrowser({ executablePath: null, headless: 'new', extraArgs: [] });
  } catch (thrown) {
    if (isAppError(thrown, 'BROWSER_MISSING')) return undefined;
    throw thrown;
  }
}
