import { describe, expect, it } from 'vitest';
import { rowsToTable, textToCell, textToLine } from '../../../src/cli/terminal-text.ts';

describe('text from outside', () => {
  it('becomes one line that cannot move the cursor', () => {
    expect(textToLine(' a\n\tb\x1b[2J\x07 c\u202e ')).toBe('a b[2J c');
  });

  it('is cut by characters, with a mark', () => {
    expect(textToCell('héllo', 5)).toBe('héllo');
    expect(textToCell('👋👋👋', 2)).toBe('👋…');
  });
});

it('a table has its columns below each other and no space at the end of a line', () => {
  expect(
    rowsToTable(
      ['ID', 'NAME'],
      [
        ['1', 'long name'],
        ['22', ''],
      ],
    ),
  ).toBe('ID  NAME\n1   long name\n22\n');
});
