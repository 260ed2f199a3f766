import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that is removed by disposing. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Canonical. */
  readonly path: string;
}

/** Makes an empty folder, mode 0700, where temporary files go or in `parent`. */
export async function openTemporaryFolder(parent = tmpdir()): Promise<TemporaryFolder> {
  const path = await realpath(await mkdtemp(join(parent, 'switchboard-test-')));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
