import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseHttpUrl } from '../config/variable-types.ts';

const urlFile = (dataPath: string) => join(dataPath, 'url');

/** Leaves word in the data folder where its daemon answers, for the command line. Disposing takes it back. */
export async function openUrlFile(dataPath: string, url: string): Promise<AsyncDisposable> {
  const path = urlFile(dataPath);
  await writeFile(path, `${url}\n`, { mode: 0o600 });
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** Where the daemon of the data folder said that it answers; undefined if none did, or it cannot be read. */
export async function findUrlFile(dataPath: string): Promise<string | undefined> {
  try {
    return parseHttpUrl((await readFile(urlFile(dataPath), 'utf8')).trim(), { cwd: dataPath });
  } catch {
    // Whatever is wrong with it: HOST and PORT say where a daemon should be.
    return undefined;
  }
}
