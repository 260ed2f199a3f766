import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readPidNamespace } from '../../instances/host-process.ts';
import { errnoOf } from '../../lib/errors.ts';
import { writeWhole } from '../../lib/whole-file.ts';

/** In the profile's own folder, so that both are moved and removed as one; Chromium does not mind it. */
const NAME = 'switchboard.json';

/** What a profile says of itself. */
export interface ProfileMark {
  /** The generation that it was opened from, or was about to be sealed as; 0 if it says nothing. */
  readonly generation: number;
  /** The run of the machine in which that was, as the kernel names it; null if it is not said. */
  readonly boot: string | null;
  /** Where the processes of its browser can be seen: the namespace of who wrote the mark; null if it is not said. */
  readonly pidNamespace: string | null;
  /**
   * Of the leases under which the profile was used, those that the database may name as the last: one, and the one before
   * it while that is being written down. Null stands for no lease, as the database says it too.
   */
  readonly leaseEpochs: readonly (number | null)[];
}

/** The same without what the writing adds, and where it may be left to the reader to add that no lease is named. */
export type WrittenMark = Pick<ProfileMark, 'generation' | 'boot'> &
  Partial<Pick<ProfileMark, 'leaseEpochs'>>;

const NO_LEASE: ProfileMark['leaseEpochs'] = [null];
const NOTHING: ProfileMark = { generation: 0, boot: null, pidNamespace: null, leaseEpochs: NO_LEASE };
const isMissing = (thrown: unknown) => errnoOf(thrown) === 'ENOENT';
const isEpoch = (value: unknown) => value === null || Number.isSafeInteger(value);

/** Undefined if there is no profile. */
export async function readProfileMark(profilePath: string): Promise<ProfileMark | undefined> {
  try {
    return parseMark(await readFile(join(profilePath, NAME), 'utf8'));
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
    return (await isFolder(profilePath)) ? NOTHING : undefined;
  }
}

/** The same, for a last look: nothing else happens in this process between it and what is done upon it. */
export function readProfileMarkNow(profilePath: string): ProfileMark | undefined {
  try {
    return parseMark(readFileSync(join(profilePath, NAME), 'utf8'));
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
    return statSync(profilePath, { throwIfNoEntry: false })?.isDirectory() === true ? NOTHING : undefined;
  }
}

function parseMark(text: string): ProfileMark {
  try {
    const { generation, boot, pidNamespace, leaseEpochs } = JSON.parse(text);
    return {
      generation: Number.isSafeInteger(generation) && generation > 0 ? generation : 0,
      boot: typeof boot === 'string' ? boot : null,
      pidNamespace: typeof pidNamespace === 'string' ? pidNamespace : null,
      leaseEpochs: Array.isArray(leaseEpochs) ? leaseEpochs.filter(isEpoch) : NO_LEASE,
    };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return NOTHING;
    throw thrown;
  }
}

/** Marks a profile, whole or not at all, as one whose browser runs where this process does. */
export async function writeProfileMark(profilePath: string, mark: WrittenMark): Promise<void> {
  const path = join(profilePath, NAME);
  const written = JSON.stringify({ ...mark, pidNamespace: readPidNamespace() ?? null });
  await writeWhole(path, written);
}

/** This run of the machine, as the kernel names it; null where it does not. */
export async function readBoot(): Promise<string | null> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return id.trim() || null;
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch((thrown: unknown) => {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  });
  return stats?.isDirectory() === true;
}
