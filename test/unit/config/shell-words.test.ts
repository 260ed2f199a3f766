import { describe, expect, it } from 'vitest';
import { splitShellWords } from '../../../src/config/shell-words.ts';

describe('the words of a shell', () => {
  it.each([
    ['blanks of all kinds', '  a \t b\r\n c ', ['a', 'b', 'c']],
    ['nothing', ' ', []],
    [
      'both quotes, also within a word',
      `--lang="de DE" '--x=a b' a'b'"c"`,
      ['--lang=de DE', '--x=a b', 'abc'],
    ],
    ['empty quotes', `'' a ""`, ['', 'a', '']],
    ['one quote within the other', `"it's" 'say "hi"'`, ["it's", 'say "hi"']],
    ['a blank after a backslash', '--user-agent=My\\ Agent', ['--user-agent=My Agent']],
    ['a quote after a backslash', `--x=it\\'s \\"`, ["--x=it's", '"']],
    ['a backslash after a backslash', 'a\\\\b', ['a\\b']],
    ['any other character after a backslash', '\\a\\n\\$', ['an$']],
    ['quotes after backslashes in double quotes', '--a="say \\"hi\\""', ['--a=say "hi"']],
    ['what else a backslash takes in double quotes', '"\\\\ \\$ \\`"', ['\\ $ `']],
    ['what it does not take there', '"\\a \\n \\\' \\ "', ["\\a \\n \\' \\ "]],
    ['backslashes in single quotes', `'a\\' 'b\\n'`, ['a\\', 'b\\n']],
    ['lines that are joined', 'a\\\nb \\\n c "d\\\ne"', ['ab', 'c', 'de']],
    ['a backslash at the end', 'a\\', ['a\\']],
    [
      'what is not expanded',
      '$HOME *.x ~ #a ;b `c` {d,e}',
      ['$HOME', '*.x', '~', '#a', ';b', '`c`', '{d,e}'],
    ],
    ['what is not ASCII', 'ü\u00a0😀 \\😀', ['ü\u00a0😀', '😀']],
  ])('are told apart: %s', (_what, text, words) => {
    expect(splitShellWords(text)).toEqual(words);
  });

  it.each(["a'b", '"a', '"a\\"', "'a\\'b'"])('are not if a quote is never closed: %s', (text) => {
    expect(() => splitShellWords(text)).toThrow('A quote is opened and never closed.');
  });
});
