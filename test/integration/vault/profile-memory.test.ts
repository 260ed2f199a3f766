import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestFolder, type FolderDigest } from '../../../bench/vault/folder-digest.ts';
import { measureMemory } from '../../../bench/vault/memory-run.ts';
import { makeSampleProfile } from '../../../bench/vault/sample-profile.ts';
import { scaled, seed } from '../../support/scale.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const MEGABYTES = scaled(40, 500);
/** What is promised, in MiB, whatever the size of the profile. */
const HEAP_LIMIT_MEGABYTES = 64;
const { signal } = new AbortController();

let folder: TemporaryFolder;
let profile: string;
let before: FolderDigest;

beforeAll(async () => {
  folder = await openTemporaryFolder();
  profile = join(folder.path, 'profile');
  await makeSampleProfile(profile, { bytes: MEGABYTES * 1e6, seed: String(seed), signal });
  before = await digestFolder(profile);
});
afterAll(() => folder[Symbol.asyncDispose]());

it(`seals and opens a profile of ${MEGABYTES} MB in a process whose heap may not outgrow ${HEAP_LIMIT_MEGABYTES} MiB`, async () => {
  const vault = join(folder.path, 'vault');
  const opened = join(folder.path, 'opened');
  const limits = { heapLimitMegabytes: HEAP_LIMIT_MEGABYTES };
  for (const task of [
    { direction: 'seal', vault, profile },
    { direction: 'open', vault, profile: opened },
  ] as const) {
    const { heapBytes, bufferBytes } = await measureMemory(task, signal, limits);
    expect(heapBytes).toBeLessThan(HEAP_LIMIT_MEGABYTES * 1024 ** 2);
    // What lies outside of the heap does not grow with the profile either.
    expect(bufferBytes).toBeLessThan(HEAP_LIMIT_MEGABYTES * 1024 ** 2);
  }
  const after = await digestFolder(opened);
  expect(after.sha256).toBe(before.sha256);
  expect(before.bytes).toBe(MEGABYTES * 1e6);
});
