import { accessSync, constants } from 'node:fs';
import { basename } from 'node:path';
import type { LaunchOptions } from 'puppeteer';
import type { Config, HeadlessMode } from '../../config/config.ts';
import { PROTOCOL_TIMEOUT_MS } from '../../config/session-timings.ts';
import { AppError } from '../../lib/errors.ts';
import browserPaths from './browser-paths.json' with { type: 'json' };

/**
 * Where browsers are, which the set-up reads too. Real binaries first: the scripts in /usr/bin may put a shell between
 * us and the browser.
 */
const { shells: SHELLS, browsers: CHROMES } = browserPaths;

/** A browser to launch, and how it is told to run without a window. */
export interface Browser {
  readonly executablePath: string;
  readonly headless: 'shell' | true;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function headlessOf(executablePath: string, mode: HeadlessMode): 'shell' | true {
  if (mode === 'shell') return 'shell';
  if (mode === 'new') return true;
  return /headless[-_]shell/.test(basename(executablePath)) ? 'shell' : true;
}

/**
 * The browser to use: the given one exactly as given, else the first that is installed, a headless shell before a
 * whole Chromium (less than half the memory).
 * @throws AppError BROWSER_MISSING with the remedy
 */
export function findBrowser(
  config: Config['browser'],
  isThere: (path: string) => boolean = isExecutable,
): Browser {
  const { executablePath: given, headless: mode } = config;
  if (given !== null) {
    if (!isThere(given)) {
      throw new AppError('BROWSER_MISSING', {
        message: `PUPPETEER_EXECUTABLE_PATH names no executable file: ${given}. Correct it, or unset it to use an installed Chromium.`,
      });
    }
    return { executablePath: given, headless: headlessOf(given, mode) };
  }
  const candidates = mode === 'shell' ? SHELLS : mode === 'new' ? CHROMES : [...SHELLS, ...CHROMES];
  const found = candidates.find(isThere);
  if (found === undefined) {
    throw new AppError('BROWSER_MISSING', {
      message:
        'No Chromium was found. Install one (Debian: apt-get install chromium-headless-shell), or set PUPPETEER_EXECUTABLE_PATH.',
    });
  }
  return { executablePath: found, headless: headlessOf(found, mode) };
}

/** Marks the browsers of a session on their command line, so that they can be found after a crash. */
export const MARKER_ARGUMENT = '--switchboard-account';

/** Each with its reason; what did not pay is left out. */
const ARGUMENTS = [
  // Nobody looks at the page.
  '--disable-gpu',
  '--mute-audio',
  // Services of the browser that would talk to its maker, or fetch parts.
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-sync',
  '--disable-breakpad',
  '--no-first-run',
  '--no-default-browser-check',
  // /dev/shm is 64 MB in most containers; a crash of the renderer otherwise.
  '--disable-dev-shm-usage',
  // The page must keep its timers while it is never in front.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  // No spare renderer for a tab that will never be opened.
  '--disable-features=SpareRendererForSitePerProcess,Translate,MediaRouter,OptimizationHints',
  // WhatsApp Web refuses browsers that say they are remote-controlled.
  '--disable-blink-features=AutomationControlled',
];

/** A current desktop Chrome; the library's own default is an old Mac that WhatsApp may refuse. */
export const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36';

export interface LaunchDeps {
  readonly browser: Browser;
  readonly profilePath: string;
  readonly accountId: string;
  readonly extraArgs: readonly string[];
  readonly isRoot: boolean;
  /** Handed to the browser; free of secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Puppeteer's options for a session's browser. It is driven over a pipe, so that a browser whose daemon was killed
 * ends by itself (fault F28), and signals are the daemon's own business (F32).
 */
export function makeLaunchOptions(deps: LaunchDeps): LaunchOptions {
  return {
    executablePath: deps.browser.executablePath,
    headless: deps.browser.headless,
    userDataDir: deps.profilePath,
    pipe: true,
    protocolTimeout: PROTOCOL_TIMEOUT_MS,
    defaultViewport: null,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    env: { ...deps.environment },
    args: [
      ...ARGUMENTS,
      `--user-agent=${USER_AGENT}`,
      `${MARKER_ARGUMENT}=${deps.accountId}`,
      // Chromium refuses its sandbox to root.
      ...(deps.isRoot ? ['--no-sandbox'] : []),
      ...deps.extraArgs,
    ],
  };
}
