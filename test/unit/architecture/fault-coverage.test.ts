import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIRST_FAULTS, faultsIn, findGaps, needsBoth } from '../../support/fault-coverage.ts';
import { readTitles } from '../../support/test-titles.ts';

const ROOT = join(import.meta.dirname, '../../..');

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const titlesBelow = (...folders: readonly string[]) =>
  globSync(
    folders.map((folder) => `test/${folder}/**/*.test.ts`),
    { cwd: ROOT },
  ).flatMap((path) => readTitles(read(path)));

const wanted = FIRST_FAULTS.filter(needsBoth);
const all = `(${wanted.join(', ')})`;
const wholePage = FIRST_FAULTS.map((fault) => `| ${fault} | what is so |`).join('\n');

describe('every fault', () => {
  it('has a test with the unmodified library, one with Switchboard, and a row in docs/known-faults.md', () => {
    const view = {
      bare: titlesBelow('integration/simulator'),
      ours: titlesBelow('integration/channels', 'e2e'),
      page: read('docs/known-faults.md'),
    };
    expect(findGaps(view)).toEqual([]);
  });
});

describe('the check of the coverage', () => {
  it('accepts numbers in any title of a group', () => {
    const [first = '', ...others] = wanted;
    const bare = [`is so (${first})`, `a group (${others.join(', ')}; and more)`];
    expect(findGaps({ bare, ours: [all], page: wholePage })).toEqual([]);
  });

  it.each([
    ['the library', { bare: [all.replace('F7,', '')] }, 'no test shows the library suffering F7'],
    ['Switchboard', { ours: [all.replace('A12,', '')] }, 'no test shows Switchboard holding against A12'],
    ['the page', { page: wholePage.replace('| F33 |', '| – |') }, 'the page says nothing of F33'],
    ['the page, of a number in a title', { ours: [all, '(F98)'] }, 'the page says nothing of F98'],
  ])('finds what %s lacks', (_name, change, gap) => {
    expect(findGaps({ bare: [all], ours: [all], page: wholePage, ...change })).toEqual([gap]);
  });

  it('asks for tests of whatever the page adds', () => {
    expect(
      findGaps({ bare: [all], ours: [all, '(F99)'], page: `${wholePage}\n| F99 | new | new |` }),
    ).toEqual(['no test shows the library suffering F99']);
  });

  it('takes numbers from parentheses alone', () => {
    expect(faultsIn('prints A4 (A10, F7) on F9 (fact A1; see there)')).toEqual(['A10', 'F7', 'A1']);
  });
});

describe('the reading of titles', () => {
  it('finds those of tests, groups and tables', () => {
    const source = `
      describe('a group (A1)', () => {
        it("is 'quoted' (A2)", async () => { await call('inside (A3)'); });
        it.each<[string, number]>([['a row (A4)', 1], ...more(['another (A5)', 2])])('%s is (A6)', (title) => {});
        describe.each([{ ids: 'x' }] as const)(\`templates (A7)\`, () => {});
      });`;
    expect(readTitles(source)).toEqual([
      'a group (A1)',
      "is 'quoted' (A2)",
      ...['a row (A4)', 'another (A5)', '%s is (A6)'],
      ...['x', 'templates (A7)'],
    ]);
  });

  it('finds none in comments, in calls of other things, and of tests that do not run', () => {
    const source = `
      // it('commented (A1)', () => {});
      /* it('commented (A2)', () => {}); */
      const found = text.match(/'it(/); visit('a call (A3)'); suite.it('of something else (A4)');
      it.skip('skipped (A5)', () => {}); it.todo('to be done (A6)'); it.each([1]).skip('skipped (A7)', () => {});
      it(makeTitle('made elsewhere (A8)'), () => {});`;
    expect(readTitles(source)).toEqual([]);
  });
});
