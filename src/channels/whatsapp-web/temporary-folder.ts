import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Chromium may still write for a moment after its exit was seen. */
const REMOVE_RETRIES = 10;

/**
 * Makes a folder for the temporary files of one browser, mode 0700, in the TMPDIR of its environment: a browser that is
 * killed leaves files there that nobody else clears. Disposing removes it; the browser must be gone.
 */
export async function openTemporaryFolder(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const parent = environment.TMPDIR || tmpdir();
  // Machines clear their temporary files now and then, folders included.
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const path = await mkdtemp(join(parent, 'browser-'));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: REMOVE_RETRIES }),
  };
}
