/**
 * What of a profile goes into a snapshot. A link lives in the page's storage; but where exactly the browser keeps that is
 * its own business and changes over the years. So everything is kept but what is known to be made anew: what is kept for
 * nothing costs some bytes, what is left out by mistake a link.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders of which only some entries are kept; others are kept or left out whole. */
const MIXED = /^(?:Default|Default\/WebStorage|Default\/WebStorage\/\d+)$/;

/** What the browser makes anew where it is missing, by its name. */
const LEFT_OUT: readonly RegExp[] = [
  // Of pages, of their code, of shaders. A page registers its service worker again.
  /cache/i,
  /^(?:Service Worker|Shared Dictionary)$/,
  // Of tabs, which are not opened again.
  /^(?:Session Storage|Sessions(?:_Encrypted)?|blob_storage)$/,
  // Locks, and what tells others where the browser is.
  /^(?:Singleton|RunningChromeVersion$|lockfile$|LOCK$|DevToolsActivePort$)/,
  // Reports, figures and logs.
  /^(?:Crash|BrowserMetrics|DeferredBrowserMetrics|Reporting and NEL|LOG$|LOG\.old$)|\.(?:pma|tmp)$/,
  // What a person has visited, typed and bought, and what was learnt from it.
  /^(?:History|Favicons|Top Sites|Shortcuts|Network Action Predictor|Visited Links|DIPS)(?:-journal|-wal|-shm)?$/,
  /^(?:segmentation[ _]platform|Site Characteristics Database|.*(?:cart|commerce|discount|parcel).*_db)/i,
  // Parts that are fetched from its maker.
  /^(?:Safe Browsing|Subresource Filter|WidevineCdm|OptGuide.*|optimization_guide.*|hyphen-data)$/,
  // Ours: which snapshot this is an opened copy of.
  /^switchboard\.json/,
];

/**
 * The files and folders of a profile that a snapshot takes, as paths within it; only those that are there, and none that
 * lies in another. Links are never among them.
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
