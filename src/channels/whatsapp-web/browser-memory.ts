import type { InstanceId } from '../../accounts/ids.ts';
import { findInstanceBrowsers } from './browser-process.ts';
import { readTreeMemory } from './process-memory.ts';

/** How many browsers of this instance run, and the memory of all their processes together (PSS), in bytes. */
export async function readBrowserMemory(
  instanceId: InstanceId,
): Promise<{ readonly browsers: number; readonly bytes: number }> {
  const { browsers, pids } = findInstanceBrowsers(instanceId);
  return { browsers, bytes: await readTreeMemory(pids) };
}
