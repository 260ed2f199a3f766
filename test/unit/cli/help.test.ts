import { expect, it } from 'vitest';
import { type ProgramContext, runProgram } from '../../../src/cli/program.ts';

const FAMILIES = {
  grants: ['list', 'add', 'remove'],
  campaigns: ['create', 'list', 'show', 'items', 'pause', 'resume', 'cancel'],
  webhooks: [
    ...['list', 'create', 'enable', 'disable', 'rotate-secret', 'delete'],
    ...['test', 'deliveries', 'redeliver'],
  ],
  settings: ['show', 'set'],
  instances: ['list', 'forget'],
  keys: ['list', 'create', 'revoke'],
  vault: ['verify', 'rotate', 'export', 'import'],
} as const;

/** Help needs nothing but somewhere to write to. */
async function readHelp(...words: readonly string[]): Promise<string> {
  let out = '';
  const context = { write: (text: string) => (out += text), writeError: (text: string) => (out += text) };
  expect(await runProgram([...words, '--help'], context as unknown as ProgramContext)).toBe(0);
  return out;
}

const COMMANDS = [
  ['audit'],
  ...Object.entries(FAMILIES).flatMap(([family, names]) => names.map((name) => [family, name])),
];

it.each(COMMANDS)('the help of %s %s has an example, --json and the exit codes', async (...words) => {
  const help = await readHelp(...words.filter((word) => word !== undefined));
  expect(help).toContain(`\nExample:\n  npm run cli -- ${words[0]}`);
  expect(help).toContain('--json');
  expect(help).toContain('Exit codes:');
  expect(help).not.toContain('\n\n\n');
});

it.each(Object.entries(FAMILIES))(
  'the help of %s lists its commands, with an example',
  async (family, names) => {
    const help = await readHelp(family);
    expect(help).toContain(`\nExample:\n  npm run cli -- ${family}`);
    const listed = [...help.matchAll(/^ {2}([a-z-]+)(?: [[<].*?)? {2,}\S/gm)].map(([, name]) => name);
    expect(new Set(listed)).toEqual(new Set(names));
  },
);
