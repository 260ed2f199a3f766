import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenDatabase, openDatabase } from '../../src/db/database.ts';
import { POSTGRES_ROLE } from '../../src/embedded/postgres-cluster.ts';
import { socketFolderPath } from '../../src/embedded/socket-folder.ts';
import { silentLog } from './silent-log.ts';
import type { Stage } from './stage.ts';

/** The database that a stage's daemon has brought up for itself. */
export function openEmbeddedDatabase({ folder }: Stage): OpenDatabase {
  const dataPath = join(folder, 'data');
  return openDatabase({
    connection: {
      host: socketFolderPath(dataPath, 'postgres', tmpdir()),
      user: POSTGRES_ROLE,
      password: readFileSync(join(dataPath, 'postgres', 'password'), 'utf8').trim(),
      database: POSTGRES_ROLE,
    },
    log: silentLog,
    poolSize: 1,
  });
}
