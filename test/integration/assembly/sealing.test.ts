import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openKeyRing } from '../../../src/assembly/sealing.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

let folder: TemporaryFolder;
let made: string;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  made = join(folder.path, 'encryption-key');
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Keys are forgotten by whoever takes them. */
const given = () => Buffer.alloc(32, 'a key of a person');
const keptKey = async () => Buffer.from((await readFile(made, 'utf8')).trim(), 'hex');

it('makes a key where none is given, and says where', async () => {
  const first = await openKeyRing({ key: null, previous: [] }, folder.path);
  expect(first).toMatchObject({ madeAt: made, forgottenAt: null });
  const second = await openKeyRing({ key: null, previous: [] }, folder.path);
  expect(second.keyRing.currentKeyId).toBe(first.keyRing.currentKeyId);
});

it('says where a made key lies that is not among those that are given', async () => {
  await openKeyRing({ key: null, previous: [] }, folder.path);
  expect(await openKeyRing({ key: given(), previous: [] }, folder.path)).toMatchObject({
    madeAt: null,
    forgottenAt: made,
  });
  const both = await openKeyRing({ key: given(), previous: [await keptKey()] }, folder.path);
  expect(both.forgottenAt).toBeNull();
  expect((await openKeyRing({ key: await keptKey(), previous: [] }, folder.path)).forgottenAt).toBeNull();
});

it.each([
  ['there is none', undefined],
  ['it is damaged', randomBytes(5).toString('hex')],
])('starts with the given key alone if %s', async (_what, content) => {
  if (content !== undefined) await writeFile(made, content);
  const keys = await openKeyRing({ key: given(), previous: [] }, folder.path);
  expect(keys).toMatchObject({ madeAt: null, forgottenAt: null });
});
