import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findKeptEntries } from '../../src/channels/whatsapp-web/profile-content.ts';
import { ZSTD_LEVEL } from '../../src/vault/profile-archive.ts';
import { runChild } from './child-run.ts';
import type { Contender } from './contender.ts';
import { runTarThroughNode } from './tar-through-node.ts';

/** Which zstd stands behind tar: the program, or Node's own in a process beside it. */
export type Zstd = 'program' | 'node';

const PACK = `tar -cf - -C "$PROFILE" -- "$@" | zstd -q -${ZSTD_LEVEL} -T1 -c > "$ARCHIVE"`;
const UNPACK = 'zstd -q -d -c "$ARCHIVE" | tar -xf - -C "$TARGET"';

/** What everybody would use: `tar | zstd` at the level of the vault, and back; the file goes to `folder`. */
export function makeTarContender(folder: string, zstd: Zstd): Contender {
  const archive = join(folder, 'profile.tar.zst');
  const pipe = zstd === 'program' ? makeShellPipe(archive) : makeNodePipe(archive);
  return {
    name: zstd === 'program' ? `tar | zstd -${ZSTD_LEVEL} -T1` : `tar | zstd -${ZSTD_LEVEL} (Node's)`,
    async seal(profile, signal) {
      await rm(archive, { force: true });
      const entries = await findKeptEntries(profile);
      const writtenMs = await pipe.pack(profile, entries, signal);
      const startedAt = performance.now();
      await using file = await open(archive, 'r+');
      await file.sync();
      const syncedMs = writtenMs + performance.now() - startedAt;
      return { writtenMs, syncedMs, bytes: (await file.stat()).size };
    },
    async open(target, signal) {
      await mkdir(target, { mode: 0o700 });
      return pipe.unpack(target, signal);
    },
  };
}

/** Both resolve with the milliseconds that the work took. */
interface Pipe {
  pack(profile: string, entries: readonly string[], signal: AbortSignal): Promise<number>;
  unpack(target: string, signal: AbortSignal): Promise<number>;
}

/** In a shell, whose pipe does not lead through this process. */
function makeShellPipe(archive: string): Pipe {
  return {
    async pack(profile, entries, signal) {
      const env = { PROFILE: profile, ARCHIVE: archive };
      const startedAt = performance.now();
      await runChild('sh', ['-c', PACK, 'sh', ...entries], { signal, env });
      return performance.now() - startedAt;
    },
    async unpack(target, signal) {
      const startedAt = performance.now();
      await runChild('sh', ['-c', UNPACK], { signal, env: { TARGET: target, ARCHIVE: archive } });
      return performance.now() - startedAt;
    },
  };
}

/** The start and the end of Node are not counted: a zstd program has next to none. */
function makeNodePipe(archive: string): Pipe {
  return {
    async pack(profile, entries, signal) {
      const args = ['-cf', '-', '-C', profile, '--', ...entries];
      return runTarThroughNode({ direction: 'pack', archive, args, level: ZSTD_LEVEL }, signal);
    },
    async unpack(target, signal) {
      const args = ['-xf', '-', '-C', target];
      return runTarThroughNode({ direction: 'unpack', archive, args, level: ZSTD_LEVEL }, signal);
    },
  };
}

/** True if the program can be run. */
export async function hasProgram(name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await runChild(name, ['--version'], { signal });
    return true;
  } catch (thrown) {
    signal.throwIfAborted();
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw thrown;
  }
}
