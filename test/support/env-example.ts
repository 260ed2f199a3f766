import type { Variable } from '../../src/config/variable.ts';
import { CLI_VARIABLES, VARIABLES, type VariableTable } from '../../src/config/variables.ts';

const HEAD = `# What Switchboard can be told. Copy this file to .env and take the # from the lines you change; the real
# environment wins over .env. An empty value counts as unset. Paths are relative to the folder of the daemon.
`;

/** The text of .env.example: every variable that is read, with its default and one sentence. */
export function makeEnvExample(): string {
  const forCli = Object.entries(CLI_VARIABLES).filter(([name]) => !(name in VARIABLES));
  return `${HEAD}\n# The daemon\n\n${describeTable(VARIABLES)}\n# The command line\n\n${describeTable(Object.fromEntries(forCli))}`;
}

function describeTable(table: VariableTable): string {
  return Object.entries(table)
    .map(([name, variable]) => describeVariable(name, variable))
    .join('\n');
}

function describeVariable(name: string, variable: Variable<unknown>): string {
  const unset = variable.unset === null ? '' : ` Unset: ${variable.unset}.`;
  return `# ${variable.about}${unset}\n#${name}=${variable.default ?? ''}\n`;
}
