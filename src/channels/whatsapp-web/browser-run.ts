import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import puppeteer, { type Browser } from 'puppeteer';
import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { withDeadline } from '../../lib/abort.ts';
import { AppError, isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { CRASH_REPORTS, type LaunchDeps, makeLaunchOptions } from './browser.ts';
import {
  findBrowserProcesses,
  identifyProcess,
  type KnownProcess,
  killBrowserProcesses,
  removeProfileLocks,
} from './browser-process.ts';
import type { BrowserGuard } from './guard.ts';
import type { ProcessFamilies } from './process-families.ts';
import { readTreeMemory } from './process-memory.ts';
import { profilePathOf, requireFreeBytes } from './profile.ts';
import { openTemporaryFolder } from './temporary-folder.ts';
import { cutTornLogs } from './torn-log.ts';

export interface BrowserRunDeps extends Omit<LaunchDeps, 'profilePath' | 'accountId'> {
  readonly accountId: AccountId;
  readonly livePath: string;
  /** @throws LeaseLostError once another instance may run a browser of the account. */
  readonly requireLease: () => void;
  /** @throws AppError SESSION_FAULT if the opened profile does not lie where it was opened any more. */
  readonly requireProfile: () => Promise<void>;
  readonly log: Logger;
  readonly timings: SessionTimings;
  /** Looks after the browser should this process die, and after what of it cannot be killed. */
  readonly guard: BrowserGuard;
  /** Shared with all clients. */
  readonly families: ProcessFamilies;
}

/** What becomes of a run, as whoever began it knows and is told. */
export interface RunFate {
  /** True once nobody wants the browser any more. */
  isOver(): boolean;
  /** There is no room for a browser; told before the launch rejects. */
  onDiskFull(error: AppError): void;
}

export interface CloseOptions {
  readonly isUnresponsive?: boolean;
}

/** One browser of an account, from before its launch until nothing of it is left on the machine. */
export class BrowserRun {
  readonly #deps: BrowserRunDeps;
  readonly #profilePath: string;
  readonly #fate: RunFate;
  #launching: Promise<Browser> = Promise.reject(new Error('The browser was never launched.'));
  #temporary: AsyncDisposable | undefined;
  /** The process that was launched, from then on. */
  #launched: KnownProcess | undefined;

  constructor(deps: BrowserRunDeps, fate: RunFate) {
    this.#deps = deps;
    this.#profilePath = profilePathOf(deps.livePath, deps.accountId);
    this.#fate = fate;
    this.#launching.catch(() => undefined);
  }

  /** Launches the browser, once what an earlier one has left is gone. Call it once, then `close`. */
  launch(): Promise<Browser> {
    this.#launching = this.#launch();
    return this.#launching;
  }

  /** Reads how much memory the browser's processes take, in bytes. */
  async measureMemory(): Promise<number> {
    return this.#launched ? await readTreeMemory(this.#deps.families.find(this.#launched)) : 0;
  }

  /**
   * Closes the browser, by force if it does not listen, which is not waited for long if it does not answer anyway;
   * resolves when none of its processes is left.
   */
  async close({ isUnresponsive = false }: CloseOptions): Promise<void> {
    const { timings } = this.#deps;
    const closeDeadlineMs = isUnresponsive ? timings.closeUnresponsiveMs : timings.closeDeadlineMs;
    let pid: number | undefined;
    try {
      // A browser that is still being launched would otherwise be missed, and stay (fault F27).
      const browser = await withDeadline(this.#launching, closeDeadlineMs, 'Launching the browser');
      pid = browser.process()?.pid;
      if (browser.connected) await withDeadline(browser.close(), closeDeadlineMs, 'Closing the browser');
    } catch (thrown) {
      const error = toError(thrown).message;
      // Why a launch failed is told where it did.
      if (pid === undefined && !isAppError(thrown, 'SESSION_DEADLINE'))
        this.#deps.log.debug('There is no browser to close', { error });
      else this.#deps.log.warn('The browser did not close and is killed', { error });
    } finally {
      await this.#clearUp();
    }
  }

  async #launch(): Promise<Browser> {
    // An orphan of an earlier run goes on taking messages and holds the profile (faults F28 to F31).
    await killBrowserProcesses(this.#profilePath, { log: this.#deps.log });
    if (findBrowserProcesses(this.#profilePath).length > 0)
      throw new AppError('SESSION_FAULT', { message: 'Processes of an earlier browser cannot be killed.' });
    removeProfileLocks(this.#profilePath);
    this.#requireWanted();
    // Before anything is mended in it, and once more before it is used: in an empty folder a page asks for a scan, and that
    // would be taken for a link that is over.
    await this.#deps.requireProfile();
    await rm(join(this.#profilePath, CRASH_REPORTS), { recursive: true, force: true });
    await this.#requireRoom();
    const torn = await cutTornLogs(this.#profilePath);
    if (torn.length > 0) this.#deps.log.warn('Torn logs of the profile were mended', { torn });
    await this.#deps.requireProfile();
    const temporary = await openTemporaryFolder(this.#deps.environment);
    this.#temporary = temporary;
    const environment = { ...this.#deps.environment, TMPDIR: temporary.path };
    const options = makeLaunchOptions({ ...this.#deps, profilePath: this.#profilePath, environment });
    if (this.#fate.isOver()) await temporary[Symbol.asyncDispose]();
    // Nothing is waited for from here to the launch: a close that did not wait for it has looked for processes already.
    this.#requireWanted();
    // The driver's own limit begins once the browser has answered.
    const { launchDeadlineMs } = this.#deps.timings;
    const browser = await withDeadline(puppeteer.launch(options), launchDeadlineMs, 'Launching the browser');
    this.#launched = identifyProcess(browser.process()?.pid ?? 0);
    // Puppeteer starts each browser as the leader of a group.
    if (this.#launched) this.#deps.guard.watch(this.#launched.pid);
    // This process may have stood still at any moment of it.
    this.#deps.requireLease();
    return browser;
  }

  #requireWanted(): void {
    this.#deps.requireLease();
    if (!this.#fate.isOver()) return;
    throw new AppError('SESSION_FAULT', { message: 'The session was closed before its launch.' });
  }

  /** On a full disk Chromium throws away the storage that it cannot open, and the link with it (fault F43). */
  async #requireRoom(): Promise<void> {
    const { livePath, timings } = this.#deps;
    await requireFreeBytes(livePath, timings.freeDiskBytes).catch((thrown: unknown) => {
      if (isAppError(thrown, 'DISK_FULL')) this.#fate.onDiskFull(thrown);
      throw thrown;
    });
  }

  /** What cannot be removed is removed by the next start. */
  async #clearUp(): Promise<void> {
    const { log } = this.#deps;
    try {
      await killBrowserProcesses(this.#profilePath, { known: this.#launched, log });
      const pids = findBrowserProcesses(this.#profilePath, this.#launched);
      if (pids.length > 0) {
        log.error('Processes of a browser could not be killed', { pids });
        return this.#deps.guard.withholdGoodbye();
      }
      if (this.#launched) this.#deps.guard.forget(this.#launched.pid);
      removeProfileLocks(this.#profilePath);
      await this.#temporary?.[Symbol.asyncDispose]();
    } catch (thrown) {
      log.warn('What a browser has left could not be cleared up', { error: toError(thrown).message });
    }
  }
}
