/**
 * Stands in for the zstd program where there is none: a process of its own that starts tar and has Node's zstd between
 * tar and the file.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';

/** As in the vault, so that the two differ in what they do and not in how often they are called. */
const PIECE_BYTES = 256 * 1024;

export interface TarTask {
  readonly direction: 'pack' | 'unpack';
  /** The compressed file. */
  readonly archive: string;
  /** Of tar, which has the archive on stdout or stdin. */
  readonly args: readonly string[];
  readonly level: number;
}

/** Resolves when the process is gone, with the milliseconds from the moment it was ready until its work was done. */
export async function runTarThroughNode(task: TarTask, signal: AbortSignal): Promise<number> {
  const child = fork(import.meta.filename, [], { signal });
  const ended = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`tar through Node's zstd failed with code ${code}.`);
  });
  // Whoever waits for a message hears of its end as well.
  await Promise.race([once(child, 'message'), ended]);
  const startedAt = performance.now();
  child.send(task);
  await Promise.race([once(child, 'message'), ended]);
  const tookMs = performance.now() - startedAt;
  await ended;
  return tookMs;
}

async function run({ direction, archive, args, level }: TarTask): Promise<void> {
  const isPacking = direction === 'pack';
  const tar = spawn('tar', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(tar, 'close');
  let fault: unknown;
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  if (isPacking) {
    const zstd = createZstdCompress({ chunkSize: PIECE_BYTES, params });
    await pipeline(tar.stdout, zstd, createWriteStream(archive));
  } else {
    const zstd = createZstdDecompress({ chunkSize: PIECE_BYTES });
    tar.stdout.resume();
    const packed = createReadStream(archive, { highWaterMark: PIECE_BYTES });
    // tar goes once it has read the end of the archive, which may be before all is piped into it.
    await pipeline(packed, zstd, tar.stdin).catch((thrown: unknown) => {
      fault = thrown;
    });
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`tar ended with code ${code}.`, { cause: fault });
}

if (import.meta.main) {
  process.once('message', (task) => {
    void run(task as TarTask).then(() => process.send?.('done', () => process.disconnect()));
  });
  process.send?.('ready');
}
