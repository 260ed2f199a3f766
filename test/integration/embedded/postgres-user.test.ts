import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { findPostgresUser } from '../../../src/embedded/postgres-user.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const isRoot = process.getuid?.() === 0;

const ofRoot = () =>
  describe('PostgreSQL of a daemon that is root', () => {
    test('runs as another user, without rights to anything but to walk and read', async () => {
      const { invoke } = await findPostgresUser();
      const { file, args } = invoke('/bin/sh', ['-c', 'id -u; grep CapEff /proc/self/status']);
      const { stdout } = await promisify(execFile)(file, args);
      expect(stdout).toMatch(/^65534\nCapEff:\t000000000000000[24]\n$/);
    });

    test('can be run from a clone that is closed to others', async () => {
      await using folder = await openTemporaryFolder();
      await mkdir(join(folder.path, 'closed'), { mode: 0o700 });
      const program = join(folder.path, 'closed', 'program');
      await writeFile(program, '#!/bin/sh\n[ -x "$0" ] && echo found\n', { mode: 0o755 });
      const { invoke } = await findPostgresUser();
      const { file, args } = invoke(program, []);
      expect((await promisify(execFile)(file, args)).stdout).toBe('found\n');
    });
  });

const ofOthers = () =>
  describe('PostgreSQL of a daemon that is not root', () => {
    test('runs as the same user', async () => {
      const { invoke, owner } = await findPostgresUser();
      expect(owner).toBeUndefined();
      expect(invoke('/bin/true', ['x'])).toEqual({ file: '/bin/true', args: ['x'] });
    });
  });

// Who runs the tests decides which of the two can be seen.
if (isRoot) ofRoot();
else ofOthers();
