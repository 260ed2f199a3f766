import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitShellWords } from '../../../src/config/shell-words.ts';

/** What the shell of this machine makes of it; undefined if it refuses. */
function askShell(text: string): readonly string[] | undefined {
  try {
    // Alone, the format would be used once for no word at all.
    const out = execFileSync('/bin/sh', ['-c', `printf '%s\\0' first ${text}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return out.split('\0').slice(1, -1);
  } catch {
    return undefined;
  }
}

function split(text: string): readonly string[] | undefined {
  try {
    return splitShellWords(text);
  } catch {
    return undefined;
  }
}

it('the words of a shell are those of the shell, in whatever order blanks, quotes and backslashes stand', () => {
  // Without what a shell expands, and without a bare end of a line, which would end its command.
  const escaped = ["\\'", '\\"', '\\ ', '\\a', '\\\\', '\\\n'];
  const piece = fc.constantFrom('a', '-', ' ', '\t', "'", '"', '""', ...escaped);
  const text = fc
    .tuple(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', '\\'))
    .map(([pieces, end]) => pieces.join('') + end);
  fc.assert(
    fc.property(text, (given) => {
      expect(split(given)).toEqual(askShell(given));
    }),
    { numRuns: 200 },
  );
});
