import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findBreaches, findPure } from '../../support/import-rules.ts';
import { readSource } from '../../support/source-imports.ts';

const SRC = join(import.meta.dirname, '../../../src');

const files = globSync('**/*.ts', { cwd: SRC }).map((path) =>
  readSource(path.replaceAll('\\', '/'), readFileSync(join(SRC, path), 'utf8')),
);

/** The breaches of a made-up source tree: path → text. */
function breachesOf(tree: Readonly<Record<string, string>>): readonly string[] {
  return findBreaches(Object.entries(tree).map(([path, text]) => readSource(path, text)));
}

describe('the import directions of src/', () => {
  it('are kept by every file', () => {
    expect(findBreaches(files)).toEqual([]);
  });

  it('rest on parts that are pure', () => {
    expect([...findPure(files)]).toEqual(
      expect.arrayContaining([
        'accounts/account.ts',
        'accounts/ids.ts',
        'accounts/reason.ts',
        'accounts/state.ts',
        'channels/channel.ts',
        'messages/inbound-event.ts',
        'messages/message.ts',
        'messages/send-request.ts',
        'messages/whatsapp-key.ts',
      ]),
    );
  });
});

describe('the check of the import directions', () => {
  it('accepts imports that run downward and within a room', () => {
    const tree = {
      'lib/clock.ts': "import { hrtime } from 'node:process';",
      'accounts/state.ts': "import type { Clock } from '../lib/clock.ts';",
      'db/database.ts': "import pg from 'pg';\nimport { A } from '../accounts/state.ts';",
      'db/account-store.ts': "import { db } from './database.ts';",
      'main.ts': "import { db } from './db/database.ts';\nprocess.exit(0);",
    };
    expect(breachesOf(tree)).toEqual([]);
  });

  const breaches: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    [
      'an import of a higher room',
      { 'db/a.ts': "import {\n  b,\n} from '../http/b.ts';", 'http/b.ts': '' },
      'db/a.ts imports http/b.ts, which does not lie below it',
    ],
    [
      'an import of another room of the same layer',
      { 'queue/a.ts': "import '../db/b.ts';", 'db/b.ts': '' },
      'queue/a.ts imports db/b.ts, which does not lie below it',
    ],
    [
      'a type import of a part that is not pure',
      {
        'db/a.ts': "import type { B } from '../messages/b.ts';",
        'messages/b.ts': "import { readFile } from 'node:fs';",
      },
      'db/a.ts imports messages/b.ts, which does not lie below it',
    ],
    [
      'a re-export',
      { 'lib/a.ts': "export { b } from '../config/b.ts';", 'config/b.ts': '' },
      'lib/a.ts imports config/b.ts, which does not lie below it',
    ],
    [
      'a dynamic import',
      { 'lib/a.ts': "const b = await import('../config/b.ts');", 'config/b.ts': '' },
      'lib/a.ts imports config/b.ts, which does not lie below it',
    ],
    [
      'an import of the simulator',
      { 'app.ts': "import { world } from '../simulator/world.ts';" },
      'app.ts imports ../simulator/world.ts, which is no file of src/',
    ],
    [
      'a package outside of its room',
      { 'http/a.ts': "import { Queue } from 'bullmq';" },
      'http/a.ts imports bullmq, which belongs to queue/',
    ],
    [
      'a part of a package outside of its room',
      { 'http/a.ts': "import { x } from '@bull-board/api/bullMQAdapter';" },
      'http/a.ts imports @bull-board/api, which belongs to queue/',
    ],
    [
      'the browser driver beside its folder',
      { 'channels/a.ts': "import puppeteer from 'puppeteer';" },
      'channels/a.ts imports puppeteer, which belongs to channels/whatsapp-web/',
    ],
    [
      'a package that nobody owns',
      { 'http/a.ts': "import pad from 'left-pad';" },
      'http/a.ts imports left-pad, which no room owns',
    ],
    [
      'a look at the environment',
      { 'db/a.ts': 'const url = process.env.DATABASE_URL;' },
      'db/a.ts uses process.env',
    ],
    [
      'a transaction that nobody does again',
      { 'db/a.ts': 'await db\n  .transaction()\n  .execute(work);' },
      'db/a.ts begins a transaction, which db/transaction.ts does',
    ],
    [
      'a circle within a room',
      { 'db/a.ts': "import './b.ts';", 'db/b.ts': "import './a.ts';" },
      'A circle of imports: db/a.ts → db/b.ts → db/a.ts',
    ],
    ['a room that has no layer', { 'stuff/a.ts': '' }, 'stuff/a.ts lies in a room that has no layer'],
  ];

  it.each(breaches)('finds %s', (_name, tree, breach) => {
    expect(breachesOf(tree)).toEqual([breach]);
  });

  it('does not take comments and texts for code', () => {
    const text = "// import '../http/b.ts'\n/* process.env */\nconst a = 'process.env';\n";
    expect(breachesOf({ 'db/a.ts': text })).toEqual([]);
  });
});
