import { zstdCompressSync } from 'node:zlib';
import { Header, Pax } from 'tar';

const BLOCK_BYTES = 512;

/** A header and what follows it, made by hand: nothing of it is checked. */
export interface TarPart {
  readonly path: string;
  readonly type?: string;
  readonly content?: Buffer | string;
  /** What the header says, if that is not the truth. */
  readonly size?: number;
  readonly linkpath?: string;
  /** Laid over the header after it was made, before its checksum is: bytes by their offset. */
  readonly patch?: Readonly<Record<number, Buffer | string>>;
  /** Leaves the checksum as it was before the patch. */
  readonly isCheckedBefore?: boolean;
}

/** One entry of an archive. */
export function tarPart(part: TarPart): Buffer {
  const content = Buffer.from(part.content ?? '');
  const block = Buffer.alloc(BLOCK_BYTES);
  const header = new Header({
    path: part.path,
    mode: 0o777,
    size: part.size ?? content.length,
    linkpath: part.linkpath ?? '',
  });
  header.type = (part.type ?? 'File') as Header['type'];
  header.encode(block);
  for (const [at, bytes] of Object.entries(part.patch ?? {})) Buffer.from(bytes).copy(block, Number(at));
  if (!part.isCheckedBefore) writeChecksum(block);
  return Buffer.concat([
    block,
    content,
    Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES),
  ]);
}

/** An entry under a name of any kind, in an extended header. */
export function namedTarPart(path: string, part: Omit<TarPart, 'path'> = {}): Buffer {
  return Buffer.concat([new Pax({ path }).encode(), tarPart({ ...part, path: 'x' })]);
}

export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

/** A whole packed profile of these parts. */
export function packParts(...parts: readonly Buffer[]): Buffer {
  return zstdCompressSync(Buffer.concat([...parts, TAR_END]));
}

function writeChecksum(block: Buffer): void {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
