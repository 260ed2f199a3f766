/**
 * What of a profile goes into a snapshot. A link lives in the page's storage; but where exactly the browser keeps that is
 * its own business and changes over the years. So everything is kept but what is known to be made anew: what is kept for
 * nothing costs some bytes, what is left out by mistake a link.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders of which only some entries are kept; others are kept or left out whole. */
const MIXED = /^(?:Default|Default\/WebStorage|Default\/WebStorage\/\d+)$/;

/** What the browser makes anew wherever it is missing. Service workers are registered again by their pages. */
const LEFT_OUT: readonly RegExp[] = [
  /cache/i,
  /^(?:Service Worker|blob_storage|Session Storage|Sessions)$/,
  // Locks, and what the browser leaves while it runs.
  /^(?:Singleton|RunningChromeVersion|lockfile|LOCK$)/,
  /^DevToolsActivePort$/,
  // Reports of crashes, figures and words for its makers.
  /^(?:Crash|BrowserMetrics|DeferredBrowserMetrics|LOG$|LOG\.old$)|\.pma$|\.tmp$/,
];

/**
 * The files and folders of a profile that a snapshot takes, as paths within it; only those that are there, none within
 * another. Links are never among them.
 */
export async function findKeptEntries(profilePath: string): Promise<readonly string[]> {
  return listKept(profilePath, '');
}

async function listKept(profilePath: string, folder: string): Promise<string[]> {
  const kept: string[] = [];
  for (const entry of await readdir(join(profilePath, folder), { withFileTypes: true })) {
    if (LEFT_OUT.some((pattern) => pattern.test(entry.name))) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory() && MIXED.test(path)) kept.push(...(await listKept(profilePath, path)));
    else if (entry.isDirectory() || entry.isFile()) kept.push(path);
  }
  return kept.sort();
}
