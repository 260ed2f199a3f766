import type { Page } from 'puppeteer';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

/** A function of one of the page's modules; the way to it is that from what the module exports. */
export interface HookTarget {
  readonly module: string;
  readonly function: string;
}

/**
 * What the library puts its own functions in the place of, once a document. Where one is missing at that moment it goes on
 * without a word, and what it would have heard by it is not told (fact A1).
 */
const TARGETS: readonly HookTarget[] = [
  { module: 'WAWebBackendJobsCommon', function: 'mediaTypeFromProtobuf' },
  { module: 'WAWebE2EProtoUtils', function: 'typeAttributeFromProtobuf' },
  { module: 'WAWebAddonReactionTableMode', function: 'reactionTableMode.bulkUpsert' },
  { module: 'WAWebAddonPollVoteTableMode', function: 'pollVoteTableMode.bulkUpsert' },
];

/** Waits until all of it is there, for so long at most; a page that has dropped a part is used without. */
export async function awaitHookTargets(page: Page, graceMs: number): Promise<void> {
  await page.evaluate(listMissing, TARGETS, graceMs);
}

/** Logs what of it a page lacks that is connected; never rejects. */
export async function reportMissingHooks(page: Page, log: Logger): Promise<void> {
  try {
    const missing = await page.evaluate(listMissing, TARGETS, 0);
    if (missing.length > 0) log.warn('The page lacks parts that the library listens by', { missing });
  } catch (thrown) {
    log.debug('The page could not be asked what it lacks', { error: toError(thrown).message });
  }
}

/** Names of modules that lack their function after `graceMs`. It runs in the page. */
async function listMissing(targets: readonly HookTarget[], graceMs: number): Promise<string[]> {
  /** Nothing tells that a module was registered. */
  const POLL_MS = 50;
  const isThere = ({ module, function: path }: HookTarget) => {
    try {
      return typeof path.split('.').reduce((of, key) => of[key], window.require(module)) === 'function';
    } catch {
      return false;
    }
  };
  const end = performance.now() + graceMs;
  let missing = targets.filter((each) => !isThere(each));
  while (missing.length > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    missing = missing.filter((each) => !isThere(each));
  }
  return missing.map(({ module }) => module);
}

/**
 * Has the library hook what is not there yet as soon as it comes, once. It runs in the page, before the library's listeners
 * are attached, and after it has hooked what it sends by (the first two of the targets): for those nothing is made up.
 */
export function hookLate(): void {
  const POLL_MS = 1_000;
  const { injectToFunction } = window.WWebJS;
  const isThere = ({ module, function: path }: HookTarget) => {
    try {
      return typeof path.split('.').reduce((of, key) => of[key], window.require(module)) === 'function';
    } catch {
      return false;
    }
  };
  const hook = (target: HookTarget, callback: unknown) => {
    if (isThere(target)) injectToFunction(target, callback);
    else setTimeout(() => hook(target, callback), POLL_MS);
  };
  window.WWebJS.injectToFunction = hook;
}
