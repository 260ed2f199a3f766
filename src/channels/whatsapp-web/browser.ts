import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { basename, join } from 'node:path';
import type { LaunchOptions } from 'puppeteer';
import type { Config, HeadlessMode } from '../../config/config.ts';
import { PROTOCOL_TIMEOUT_MS, type SessionTimings } from '../../config/session-timings.ts';
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

const MISSING: Readonly<Record<HeadlessMode, string>> = {
  auto: 'No Chromium was found. Install one (Debian: apt-get install chromium-headless-shell), or set PUPPETEER_EXECUTABLE_PATH.',
  new: 'CHROME_HEADLESS=new needs a whole Chromium, and none was found. Install one (Debian: apt-get install chromium), set PUPPETEER_EXECUTABLE_PATH, or unset CHROME_HEADLESS to use a headless shell.',
  shell:
    'CHROME_HEADLESS=shell needs a headless shell, and none was found. Install one (Debian: apt-get install chromium-headless-shell), set PUPPETEER_EXECUTABLE_PATH, or unset CHROME_HEADLESS to use a whole Chromium.',
};

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
export function getBrowser(
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
    throw new AppError('BROWSER_MISSING', { message: MISSING[mode] });
  }
  return { executablePath: found, headless: headlessOf(found, mode) };
}

/** The folder of a profile in which its browser notes crashes. */
export const CRASH_REPORTS = 'Crash Reports';

/** Marks the browsers of a session on their command line, so that they can be found after a crash. */
export const MARKER_ARGUMENT = '--switchboard-account';

/** Says whose they are: several daemons may run on one machine, and leave one another's browsers alone. */
export const INSTANCE_ARGUMENT = '--switchboard-instance';

/**
 * Marks the browsers of this run of the daemon, for the guard that ends them should it be killed: those of another daemon,
 * or of this one's next run, carry another mark.
 */
const RUN_ID = randomUUID();
export const RUN_MARK = `--switchboard-run=${RUN_ID}`;
/** The same mark in the environment, which the browser's own processes inherit, its arguments not: one may outlive it. */
export const RUN_VARIABLE = { SWITCHBOARD_RUN: RUN_ID };

/**
 * Each with its reason. Puppeteer adds its own, which are not repeated here: among them those that keep the timers of a
 * page running that is never in front, and shared memory out of /dev/shm, which is 64 MB in most containers.
 */
const ARGUMENTS = [
  // Nobody looks at the page: neither a graphics card nor a renderer in its place, which takes 12 MB a session. There is
  // no WebGL, as in a browser of a machine without it; a canvas is drawn by the processor.
  '--disable-gpu',
  '--disable-software-rasterizer',
  // Fewer processes: each begins by making 6 MB of the binary's own tables anew. What draws takes the browser with it if it
  // dies, which is started again. The network keeps a process of its own: within the browser's it loses cookies at a close.
  '--in-process-gpu',
  // A process that only helps to start those.
  '--no-unsandboxed-zygote',
  // Of what the network has brought, in bytes: where profiles are open in memory this is memory.
  `--disk-cache-size=${16 * 1024 ** 2}`,
  // Parts that the browser would fetch from its maker.
  '--disable-component-update',
  // A question to a person who is not there.
  '--no-default-browser-check',
  // No spare renderer for a tab that will never be opened, no process for sounds that nobody hears.
  '--disable-features=SpareRendererForSitePerProcess,AudioServiceOutOfProcess',
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
  readonly instanceId: string;
  readonly extraArgs: readonly string[];
  readonly isRoot: boolean;
  /** Handed to the browser; free of secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timings: Pick<SessionTimings, 'launchDeadlineMs'>;
}

/**
 * Puppeteer's options for a session's browser. It is driven over a pipe, so that a browser whose daemon was killed
 * ends by itself if it can (fault F28; the guard ends the others), and signals are the daemon's own business (F32).
 */
export function makeLaunchOptions(deps: LaunchDeps): LaunchOptions {
  return {
    executablePath: deps.browser.executablePath,
    headless: deps.browser.headless,
    userDataDir: deps.profilePath,
    pipe: true,
    timeout: deps.timings.launchDeadlineMs,
    protocolTimeout: PROTOCOL_TIMEOUT_MS,
    defaultViewport: null,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    env: {
      ...deps.environment,
      ...RUN_VARIABLE,
      // A whole Chromium writes what is on the stack of a page that crashes, in clear, and in the user's home if it may: into the
      // profile, which goes when the session ends, and of which snapshots leave it out.
      BREAKPAD_DUMP_LOCATION: join(deps.profilePath, CRASH_REPORTS),
    },
    args: [
      ...ARGUMENTS,
      `--user-agent=${USER_AGENT}`,
      `${MARKER_ARGUMENT}=${deps.accountId}`,
      `${INSTANCE_ARGUMENT}=${deps.instanceId}`,
      RUN_MARK,
      // Chromium refuses its sandbox to root.
      ...(deps.isRoot ? ['--no-sandbox'] : []),
      ...deps.extraArgs,
    ],
  };
}
