import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toError } from '../../lib/errors.ts';

/** In the profile's own folder, beside its mark; no snapshot takes it. */
const NAME = 'switchboard.json.origin';

/** A profile that was restored from a snapshot lacks what its account did between the two instants. */
export interface Restoration {
  /** When the snapshot was taken. */
  readonly from: Date;
  /** When it was opened. */
  readonly at: Date;
}

/** Null if the profile was not restored, or does not say so in words that can be read. */
export async function readRestoration(profilePath: string): Promise<Restoration | null> {
  try {
    const { from, at } = JSON.parse(await readFile(join(profilePath, NAME), 'utf8'));
    return { from: new Date(from), at: new Date(at) };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    if ((toError(thrown) as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  }
}

/** Written before the profile is in its place, so that it is there whole or not at all. */
export async function writeRestoration(profilePath: string, restoration: Restoration): Promise<void> {
  await writeFile(join(profilePath, NAME), JSON.stringify(restoration), { mode: 0o600, flush: true });
}
