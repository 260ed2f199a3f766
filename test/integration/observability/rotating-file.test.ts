import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { RotatingFile } from '../../../src/observability/rotating-file.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const failOnFault = (error: Error) => {
  throw error;
};

describe('RotatingFile', () => {
  it('keeps the latest lines in order over its files, none of them split', async () => {
    await using folder = await openTemporaryFolder();
    const file = new RotatingFile({
      path: join(folder.path, 'x.log'),
      maxBytes: 1_000,
      maxFiles: 3,
      onFault: failOnFault,
    });
    const lines = Array.from({ length: 500 }, (_, index) => `line ${String(index).padStart(4, '0')}\n`);
    for (const line of lines) file.write(line);
    await finished(file.end());
    expect((await readdir(folder.path)).toSorted()).toEqual(['x.1.log', 'x.2.log', 'x.log']);
    const texts = await Promise.all(
      ['x.2.log', 'x.1.log', 'x.log'].map((name) => readFile(join(folder.path, name), 'utf8')),
    );
    for (const text of texts) expect(text.length).toBeLessThanOrEqual(1_000);
    const kept = texts.join('');
    expect(kept.length).toBeGreaterThan(2_000);
    expect(lines.join('').endsWith(kept)).toBe(true);
    expect(kept.startsWith('line ')).toBe(true);
  });

  it('goes on with the file of the run before', async () => {
    await using folder = await openTemporaryFolder();
    const path = join(folder.path, 'x.log');
    await writeFile(path, 'before\n');
    const file = new RotatingFile({ path, maxBytes: 16, maxFiles: 2, onFault: failOnFault });
    file.write('after 1\n');
    file.write('after 2\n');
    await finished(file.end());
    expect(await readFile(join(folder.path, 'x.1.log'), 'utf8')).toBe('before\nafter 1\n');
    expect(await readFile(path, 'utf8')).toBe('after 2\n');
  });

  it('writes a line that is longer than a file', async () => {
    await using folder = await openTemporaryFolder();
    const path = join(folder.path, 'x.log');
    const file = new RotatingFile({ path, maxBytes: 10, maxFiles: 2, onFault: failOnFault });
    file.write('short\n');
    file.write(`${'long'.repeat(10)}\n`);
    await finished(file.end());
    expect(await readFile(path, 'utf8')).toBe(`${'long'.repeat(10)}\n`);
  });

  it('tells once that lines are lost, and writes again when it can', async () => {
    await using folder = await openTemporaryFolder();
    const path = join(folder.path, 'x.log');
    await mkdir(path);
    const faults: Error[] = [];
    const file = new RotatingFile({ path, maxBytes: 100, maxFiles: 2, onFault: (e) => faults.push(e) });
    const write = (line: string) => new Promise((resolve) => file.write(line, resolve));
    await write('lost 1\n');
    await write('lost 2\n');
    expect(faults.map((error) => error.message)).toEqual([expect.stringContaining('EISDIR')]);
    await rm(path, { recursive: true });
    await write('kept\n');
    await finished(file.end());
    expect(faults).toHaveLength(1);
    expect(await readFile(path, 'utf8')).toBe('kept\n');
  });
});
