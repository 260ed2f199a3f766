import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SHARED_MEMORY } from '../../../../src/channels/whatsapp-web/runtime-folder.ts';
import { checkMemoryFolder } from '../../../../src/cli/doctor/disk-checks.ts';
import { openTemporaryFolder } from '../../../support/temporary-folder.ts';

/** The checkout: temporary files may lie in memory, it does not. */
const ON_DISK = import.meta.dirname;

it.each([
  ['that is set', 'configured'],
  ['that the system has', 'sharedMemory'],
] as const)(
  'a folder in memory %s is good where all sessions find room, also if it is yet to be made',
  async (_which, as) => {
    await using memory = await openTemporaryFolder(SHARED_MEMORY);
    const path = join(memory.path, 'live', 'here');
    const finding = await checkMemoryFolder({ configured: null, maxSessions: 1, [as]: path });
    expect(finding).toMatchObject({ outcome: 'good', remedy: null });
    expect(finding.found).toMatch(/^\S+ is in memory, with .+ free for 1 sessions\.$/);
    expect(finding.found).toContain(path);
  },
);

it.each([
  [
    'has no room for all sessions',
    { configured: SHARED_MEMORY, maxSessions: 1e9 },
    'are wanted, lest they lie on a disk',
  ],
  ['lies on a disk', { configured: ON_DISK, maxSessions: 1 }, `${ON_DISK} lies on a disk`],
  [
    'cannot be',
    { configured: '/dev/null/live', maxSessions: 1 },
    'There is no folder in memory that can be used: /dev/null/live',
  ],
  [
    'is none of memory, where none is set',
    { configured: null, maxSessions: 1, sharedMemory: ON_DISK },
    'lies on a disk',
  ],
])('a folder that %s is told with what to do: sessions go on, but on a disk', async (_what, wish, found) => {
  const finding = await checkMemoryFolder(wish);
  expect(finding).toMatchObject({ outcome: 'warning', found: expect.stringContaining(found) });
  for (const way of ['--shm-size', 'WHATSAPP_RUNTIME_PATH', 'WHATSAPP_MAX_CONNECTIONS'])
    expect(finding.remedy).toContain(way);
});
