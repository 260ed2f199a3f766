import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import puppeteer from 'puppeteer';
import { type Stage, simulatedWhatsApp } from './stage.ts';

/** What stands for the secrets of a session: long and unlike anything else on the disk. */
export const MARKERS = {
  indexedDb: 'marker-of-the-indexed-db-7Qp2',
  local: 'marker-of-the-local-storage-X4vd',
};

/** What a daemon is told so that a test can look into its pages beside it. */
export function observable({ simulator }: Pick<Stage, 'simulator'>): Readonly<Record<string, string>> {
  return { CHROME_EXTRA_ARGS: `${simulatedWhatsApp(simulator)} --remote-debugging-port=0` };
}

/** Runs something in the account's page, beside the daemon. */
async function inPage<T>(
  { folder }: Stage,
  accountId: string,
  action: (markers: typeof MARKERS) => Promise<T>,
): Promise<T> {
  const profile = join(folder, 'data', 'live', `session-${accountId}`);
  const [port] = (await readFile(join(profile, 'DevToolsActivePort'), 'utf8')).split('\n');
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}` });
  try {
    const page = (await browser.pages()).find((each) => each.url().startsWith('https://web.whatsapp.com/'));
    if (page === undefined) throw new Error('The page is not open.');
    return (await page.evaluate(action, MARKERS)) as T;
  } finally {
    await browser.disconnect();
  }
}

/** Stores the markers where WhatsApp Web keeps its keys. That of the local storage is written down some seconds late. */
export function plantMarkers(stage: Stage, accountId: string): Promise<void> {
  return inPage(stage, accountId, async ({ indexedDb, local }) => {
    localStorage.setItem('marker', local);
    const opening = indexedDB.open('markers', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('markers');
    await new Promise((resolve) => {
      opening.onsuccess = resolve;
    });
    const writing = opening.result.transaction('markers', 'readwrite', { durability: 'strict' });
    writing.objectStore('markers').put(indexedDb, 'marker');
    await new Promise((resolve) => {
      writing.oncomplete = resolve;
    });
    opening.result.close();
  });
}

export function readMarkers(
  stage: Stage,
  accountId: string,
): Promise<{ indexedDb: unknown; local: unknown }> {
  return inPage(stage, accountId, async () => {
    const opening = indexedDB.open('markers', 1);
    await new Promise((resolve) => {
      opening.onsuccess = resolve;
    });
    const reading = opening.result.transaction('markers').objectStore('markers').get('marker');
    await new Promise((resolve) => {
      reading.onsuccess = resolve;
    });
    opening.result.close();
    return { indexedDb: reading.result, local: localStorage.getItem('marker') };
  });
}

/** Files at or below the paths whose bytes hold one of the texts, as Chromium or anybody else may write them. */
export function findTexts(paths: readonly string[], texts: readonly string[]): string[] {
  const wanted = texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, 'utf16le')]);
  return paths.flatMap(listFiles).filter((path) => {
    const bytes = ifThere(() => readFileSync(path), Buffer.alloc(0));
    return wanted.some((text) => bytes.includes(text));
  });
}

function listFiles(path: string): string[] {
  return ifThere(() => {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  }, []);
}

/** A daemon that runs removes files while one looks. */
function ifThere<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (thrown) {
    if (!['ENOENT', 'ENXIO'].includes((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown;
    return otherwise;
  }
}
