import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { createZstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAppError } from '../../../src/lib/errors.ts';
import { packFolder, unpackInto } from '../../../src/vault/profile-archive.ts';
import { collect, streamOf } from '../../support/byte-stream.ts';
import { openSmallDisk } from '../../support/small-disk.ts';
import { namedTarPart, packParts, TAR_END, tarPart } from '../../support/tar-archive.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const MIB = 1024 ** 2;
const LIMITS = { maxBytes: 64 * MIB, maxEntries: 1_000 };

let folder: TemporaryFolder;
let source: string;
let target: string;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  source = join(folder.path, 'source');
  target = join(folder.path, 'target');
  await mkdir(source);
});

afterEach(async () => {
  expect(filesOpenUnder(folder.path)).toEqual([]);
  await folder[Symbol.asyncDispose]();
});

/** What this process has open there. */
function filesOpenUnder(path: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${fd}`);
      return file.startsWith(`${path}/`) ? [file] : [];
    } catch {
      // It was the listing's own.
      return [];
    }
  });
}

/** Every path under a folder, with what it is: the digest of a file's content, or nothing for a folder. */
async function contentOf(path: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of (await readdir(path, { recursive: true })).sort()) {
    const isFile = (await lstat(join(path, name))).isFile();
    content[name] = isFile
      ? createHash('sha256')
          .update(await readFile(join(path, name)))
          .digest('hex')
      : '';
  }
  return content;
}

async function writeSource(files: Readonly<Record<string, Buffer | string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(source, path, '..'), { recursive: true });
    await writeFile(join(source, path), content);
  }
}

async function refusal(packed: AsyncIterable<Uint8Array>, limits = LIMITS): Promise<string> {
  const failure: unknown = await unpackInto(packed, target, limits).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(existsSync(target)).toBe(false);
  expect(await readdir(folder.path)).toEqual(['source']);
  if (!isAppError(failure)) throw new Error(`It was not refused, but ended with ${failure}.`);
  return `${failure.code} ${failure.message}`;
}

describe('a profile that is packed and unpacked', () => {
  it('is the same, whatever its files are called and hold', async () => {
    await writeSource({
      'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb/000003.log': randomBytes(3 * MIB + 17),
      'Default/empty': '',
      'Default/one block': randomBytes(512),
      'Default/-rf': 'a',
      'Default/two\nlines\t and "quotes" \\': 'b',
      'Default/Größe 大きさ 📦': 'c',
      [`Default/${'n'.repeat(255)}`]: 'd',
      [`Default/${Array.from({ length: 12 }, () => 'f'.repeat(99)).join('/')}/deep`]: 'e',
      'Default/...': 'f',
      'Local State': '{}',
    });
    await mkdir(join(source, 'Default', 'nothing in it'));
    await unpackInto(packFolder(source, ['Default', 'Local State']), target, LIMITS);
    expect(await contentOf(target)).toEqual(await contentOf(source));
  });

  it('has what was asked for alone, and the folders that lie above it', async () => {
    await writeSource({
      'Default/Cookies': 'a',
      'Default/Cache/1': 'b',
      'Default/WebStorage/1/IndexedDB/x': 'c',
    });
    const entries = ['Default/Cookies', 'Default/WebStorage/1/IndexedDB'];
    await unpackInto(packFolder(source, entries), target, LIMITS);
    expect(Object.keys(await contentOf(target))).toEqual([
      'Default',
      'Default/Cookies',
      'Default/WebStorage',
      'Default/WebStorage/1',
      'Default/WebStorage/1/IndexedDB',
      'Default/WebStorage/1/IndexedDB/x',
    ]);
  });

  it('can be nothing at all', async () => {
    await unpackInto(packFolder(source, []), target, LIMITS);
    expect(await readdir(target)).toEqual([]);
  });

  it('is for its owner alone', async () => {
    await writeSource({ 'Default/Cookies': 'a' });
    await unpackInto(packFolder(source, ['Default']), target, LIMITS);
    const modes = await Promise.all(
      ['', 'Default', 'Default/Cookies'].map(async (path) => (await stat(join(target, path))).mode & 0o777),
    );
    expect(modes).toEqual([0o700, 0o700, 0o600]);
  });

  it('holds no links, nor what they lead to', async () => {
    await writeSource({ 'Default/Cookies': 'a' });
    await symlink('/etc', join(source, 'Default', 'folder'));
    await symlink('/etc/hostname', join(source, 'Default', 'file'));
    execFileSync('mkfifo', [join(source, 'Default', 'pipe')]);
    await unpackInto(packFolder(source, ['Default']), target, LIMITS);
    expect(Object.keys(await contentOf(target))).toEqual(['Default', 'Default/Cookies']);
  });

  it('is read by other programs', async () => {
    await writeSource({ 'Default/Größe\n2': 'a', [`Default/${'n'.repeat(200)}`]: 'b', 'Local State': '{}' });
    const packed = await collect(packFolder(source, ['Default', 'Local State']));
    await mkdir(target);
    execFileSync('tar', ['-x', '-C', target], { input: zstdDecompressSync(packed) });
    expect(await contentOf(target)).toEqual(await contentOf(source));
  });

  it('may have a large file with holes, which takes no memory of its size', async () => {
    const size = 300 * MIB;
    await writeSource({ sparse: 'begin' });
    await truncate(join(source, 'sparse'), size);
    const before = process.memoryUsage();
    let [packed, peak] = [0, 0];
    async function* measured() {
      for await (const piece of packFolder(source, ['sparse'])) {
        packed += piece.length;
        const { heapUsed, external } = process.memoryUsage();
        peak = Math.max(peak, heapUsed + external - before.heapUsed - before.external);
        yield piece;
      }
    }
    await unpackInto(measured(), target, { maxBytes: size, maxEntries: 1 });
    expect((await stat(join(target, 'sparse'))).size).toBe(size);
    expect((await readFile(join(target, 'sparse'))).subarray(0, 6).toString('latin1')).toBe('begin\0');
    expect(packed).toBeLessThan(MIB);
    expect(peak).toBeLessThan(64 * MIB);
  });
});

describe('packing', () => {
  it('closes every file when nobody wants the rest', async () => {
    await writeSource({ a: randomBytes(4 * MIB), b: randomBytes(4 * MIB) });
    for await (const piece of packFolder(source, ['a', 'b'])) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(filesOpenUnder(folder.path)).toEqual([]);
  });

  it('fails if a file is cut meanwhile', async () => {
    await writeSource({ a: randomBytes(8 * MIB) });
    const cut = async () => {
      for await (const _piece of packFolder(source, ['a'])) await truncate(join(source, 'a'), MIB);
    };
    await expect(cut()).rejects.toThrow('A file was cut');
  });

  it('takes what a file had when it was opened if it grows meanwhile', async () => {
    await writeSource({ a: randomBytes(4 * MIB) });
    const first = await readFile(join(source, 'a'));
    async function* growing() {
      await using file = await open(join(source, 'a'), 'a');
      for await (const piece of packFolder(source, ['a'])) {
        await file.write(randomBytes(1000));
        yield piece;
      }
    }
    await unpackInto(growing(), target, LIMITS);
    expect((await readFile(join(target, 'a'))).equals(first)).toBe(true);
  });

  it('fails if what was asked for is not there', async () => {
    await expect(collect(packFolder(source, ['Default']))).rejects.toThrow('ENOENT');
  });
});

const file = tarPart({ path: 'f', content: 'x' });
const sub = tarPart({ path: 'd/', type: 'Directory' });

describe('a hostile archive is refused, and nothing of it stays', () => {
  it.each([
    ['an absolute path', packParts(file, tarPart({ path: '/etc/passwd' })), 'absolute'],
    ['an absolute path in an extended header', packParts(namedTarPart('/etc/passwd')), 'absolute'],
    ['a way out', packParts(file, tarPart({ path: '../escaped' })), 'leads out'],
    ['a way out of a folder', packParts(sub, tarPart({ path: 'd/../../escaped' })), 'leads out'],
    ['a way out in an extended header', packParts(namedTarPart('d/../../escaped')), 'leads out'],
    ['a way out by the prefix', packParts(tarPart({ path: 'x', patch: { 345: '..' } })), 'leads out'],
    ['a folder that is the way out', packParts(tarPart({ path: '..', type: 'Directory' })), 'leads out'],
    ['a path with a dot', packParts(tarPart({ path: './f' })), 'empty part'],
    ['a path with an empty part', packParts(sub, tarPart({ path: 'd//f' })), 'empty part'],
    ['no name', packParts(tarPart({ path: '' })), 'empty part'],
    ['the folder itself', packParts(tarPart({ path: './', type: 'Directory' })), 'empty part'],
    ['a symbolic link', packParts(tarPart({ path: 'l', type: 'SymbolicLink', linkpath: '/etc' })), 'neither'],
    ['a hard link', packParts(file, tarPart({ path: 'l', type: 'Link', linkpath: 'f' })), 'neither'],
    ['a device', packParts(tarPart({ path: 'd', type: 'CharacterDevice' })), 'neither'],
    ['a disk', packParts(tarPart({ path: 'd', type: 'BlockDevice' })), 'neither'],
    ['a pipe', packParts(tarPart({ path: 'p', type: 'FIFO' })), 'neither'],
    [
      'a long name of another kind',
      packParts(tarPart({ path: 'x', type: 'NextFileHasLongPath', content: '/etc/x' })),
      'neither',
    ],
    [
      'a header for all',
      packParts(tarPart({ path: 'x', type: 'GlobalExtendedHeader', content: '9 path=a\n' })),
      'neither',
    ],
    ['an unknown kind', packParts(tarPart({ path: 'x', patch: { 156: 'Z' } })), 'neither'],
    ['a file twice', packParts(file, file), 'twice'],
    ['a file in place of a folder', packParts(sub, tarPart({ path: 'd' })), 'twice'],
    ['a folder twice', packParts(sub, sub), 'twice'],
    ['a file in no folder', packParts(tarPart({ path: 'd/f' })), 'in no folder'],
    ['a file in a file', packParts(file, tarPart({ path: 'f/g' })), 'in no folder'],
    ['a NUL in a name', packParts(tarPart({ path: 'x', patch: { 0: 'a\0b' } })), 'NUL'],
    ['a NUL in an extended header', packParts(namedTarPart('a\0b')), 'NUL'],
    [
      'a name that is no text',
      packParts(tarPart({ path: 'x', patch: { 0: Buffer.from([0x61, 0xff]) } })),
      'no text',
    ],
    ['an over-long name', packParts(namedTarPart('n'.repeat(256))), 'too long'],
    ['an over-long path', packParts(namedTarPart(`${'n/'.repeat(1_600)}n`)), 'too long'],
    ['an over-long extended header', packParts(namedTarPart('n'.repeat(5_000))), 'too long'],
    [
      'an extended header that says a size',
      packParts(tarPart({ path: 'x', type: 'ExtendedHeader', content: '12 size=123\n' }), file),
      'more than a name',
    ],
    [
      'an extended header that says two names',
      packParts(tarPart({ path: 'x', type: 'ExtendedHeader', content: '9 path=a\n9 path=b\n' }), file),
      'more than a name',
    ],
    [
      'an extended header behind another',
      packParts(tarPart({ path: 'x', type: 'ExtendedHeader', content: '9 path=a\n' }), namedTarPart('b')),
      'stands alone',
    ],
    [
      'an extended header at the end',
      packParts(tarPart({ path: 'x', type: 'ExtendedHeader', content: '9 path=a\n' })),
      'stands alone',
    ],
    [
      'a wrong checksum',
      packParts(tarPart({ path: 'x', patch: { 0: 'y' }, isCheckedBefore: true })),
      'checksum',
    ],
    ['a negative size', packParts(tarPart({ path: 'x', patch: { 124: '-0000000001\0' } })), 'no proper size'],
    [
      'a size in binary',
      packParts(tarPart({ path: 'x', patch: { 124: Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) } })),
      'no proper size',
    ],
    ['no size', packParts(tarPart({ path: 'x', patch: { 124: Buffer.alloc(12) } })), 'no proper size'],
    [
      'a folder with content',
      packParts(tarPart({ path: 'd/', type: 'Directory', content: 'x' })),
      'folder in its archive has content',
    ],
    ['less than a file says', zstdCompressSync(tarPart({ path: 'f', content: 'x', size: 9_999 })), 'cut off'],
    ['no end', zstdCompressSync(file), 'cut off'],
    ['half an end', zstdCompressSync(Buffer.concat([file, TAR_END.subarray(512)])), 'cut off'],
    ['nothing', zstdCompressSync(Buffer.alloc(0)), 'cut off'],
    [
      'an entry behind its end',
      packParts(file, TAR_END, tarPart({ path: 'g' })),
      'content where there is none',
    ],
    ['zeros for ever behind its end', packParts(file, Buffer.alloc(MIB)), 'follows the end'],
    [
      'something behind a file',
      packParts(Buffer.concat([file.subarray(0, 513), Buffer.from('y'), file.subarray(514)])),
      'content where there is none',
    ],
    ['bytes behind the compressed ones', Buffer.concat([packParts(file), Buffer.from('more')]), ''],
    ['a second compressed stream', Buffer.concat([packParts(file), packParts(file)]), ''],
    ['no compressed bytes', Buffer.from('not zstd at all'), 'cannot be decompressed'],
    ['no bytes', Buffer.alloc(0), 'cannot be decompressed'],
    ['half its compressed bytes', packParts(file).subarray(0, 60), ''],
  ])('%s', async (_what, packed, sentence) => {
    expect(await refusal(streamOf(packed))).toMatch(
      new RegExp(`^VAULT_DAMAGED The sealed session was refused: .*${sentence}`),
    );
    expect(await refusal(streamOf(packed, [1, 7, 300]))).toContain('VAULT_DAMAGED');
  });

  it('also if any byte of it is another', async () => {
    const packed = packParts(sub, tarPart({ path: 'd/f', content: randomBytes(700) }), namedTarPart('Größe'));
    for (let at = 0; at < packed.length; at += 3) {
      const changed = Buffer.from(packed);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      const failure = await unpackInto(streamOf(changed), target, LIMITS).then(
        () => undefined,
        (thrown) => thrown,
      );
      // There is no checksum in these: what counts is that it ends in one of two ways, and whole.
      if (failure !== undefined) expect(String(failure)).toContain('The sealed session was refused');
      expect(existsSync(target)).toBe(failure === undefined);
      await rm(target, { recursive: true, force: true });
    }
  });
});

describe('the limits', () => {
  it('stop a file that is too large before any of it is written', async () => {
    const packed = zstdCompressSync(tarPart({ path: 'f', size: 65 * MIB }));
    expect(await refusal(streamOf(packed))).toMatch(/^VAULT_TOO_LARGE .*more than 67108864 bytes/);
  });

  it('stop files that are too large together', async () => {
    const packed = packParts(
      ...['a', 'b', 'c'].map((path) => tarPart({ path, content: Buffer.alloc(1_000) })),
    );
    expect(await refusal(streamOf(packed), { maxBytes: 2_999, maxEntries: 3 })).toContain('VAULT_TOO_LARGE');
    await unpackInto(streamOf(packed), target, { maxBytes: 3_000, maxEntries: 3 });
  });

  it('stop more files than there may be', async () => {
    const packed = packParts(sub, ...['a', 'b', 'c'].map((path) => tarPart({ path })));
    expect(await refusal(streamOf(packed), { maxBytes: MIB, maxEntries: 3 })).toMatch(
      /^VAULT_TOO_LARGE .*more than 3 files and folders/,
    );
  });

  it('stop a bomb long before it has gone off', async () => {
    const bomb = createZstdCompress();
    const parts = async function* () {
      const content = Buffer.alloc(MIB);
      yield tarPart({ path: 'f', size: 8 * 1024 * MIB - 1 });
      for (let count = 0; count < 2_048; count += 1) yield content;
    };
    let asked = 0;
    async function* packed() {
      const feeding = (async () => {
        for await (const part of parts())
          if (!bomb.write(part)) await new Promise((go) => bomb.once('drain', go));
        bomb.end();
      })();
      for await (const piece of bomb) {
        asked += piece.length;
        yield piece;
      }
      await feeding;
    }
    expect(await refusal(packed())).toContain('VAULT_TOO_LARGE');
    expect(asked).toBeLessThan(MIB);
    bomb.destroy();
  });
});

describe('unpacking', () => {
  it('leaves nothing if its source fails, and says what the source said', async () => {
    await writeSource({ a: randomBytes(4 * MIB) });
    const cause = new Error('The disk went away.');
    async function* failing() {
      let count = 0;
      for await (const piece of packFolder(source, ['a'])) {
        yield piece;
        count += 1;
        if (count === 3) throw cause;
      }
    }
    await expect(unpackInto(failing(), target, LIMITS)).rejects.toBe(cause);
    expect(existsSync(target)).toBe(false);
  });

  it('leaves nothing where the disk is full', async () => {
    await writeSource({ a: 'a', b: randomBytes(4 * MIB) });
    const packed = await collect(packFolder(source, ['a', 'b']));
    using disk = openSmallDisk(join(folder.path, 'disk'));
    const [full, kept] = [join(disk.path, 'target'), await readdir(disk.path)];
    disk.fill([process.pid]);
    const failure = await unpackInto(streamOf(packed), full, LIMITS).catch((thrown) => thrown);
    disk.free();
    expect(['ENOSPC', 'EFBIG']).toContain(failure.code);
    expect(await readdir(disk.path)).toEqual(kept);
    await unpackInto(streamOf(packed), full, LIMITS);
    expect(await contentOf(full)).toEqual(await contentOf(source));
  });

  it('lets go of its source when it refuses', async () => {
    let isClosed = false;
    async function* source() {
      try {
        for (;;) yield packParts(tarPart({ path: '../x' }));
      } finally {
        isClosed = true;
      }
    }
    expect(await refusal(source())).toContain('VAULT_DAMAGED');
    expect(isClosed).toBe(true);
  });

  it('touches no folder that is there already', async () => {
    await mkdir(target);
    await writeFile(join(target, 'mine'), 'x');
    await expect(unpackInto(streamOf(packParts(file)), target, LIMITS)).rejects.toThrow('EEXIST');
    expect(await readdir(target)).toEqual(['mine']);
  });
});
