import type { Environment } from '../config/environment.ts';
import type { VariableContext } from '../config/variable.ts';
import type { ApiClient } from './api-client.ts';
import type { ExitCode } from './exit-code.ts';

/** What a subcommand works with; the process itself stays in main. */
export interface CommandContext {
  /** Made at the first call, so that --help needs no configuration. */
  openApi(): Promise<ApiClient>;
  /** The name of a file as it was typed, made absolute: a relative one begins where the command line was called. */
  resolvePath(path: string): string;
  /** To standard output. */
  write(text: string): void;
  /** To standard error. */
  writeError(text: string): void;
  /** Standard output is a terminal. */
  readonly isTty: boolean;
  /** Asks the person at the terminal, without showing the answer. Rejects where there is no terminal. */
  askHidden(question: string): Promise<string>;
  /** SWITCHBOARD_VAULT_PASSPHRASE, as it is; undefined if it is unset or empty. */
  findPassphrase(): string | undefined;
  /** What the process was told, and who it is. @throws AppError CONFIG_INVALID if `.env` cannot be read */
  readSurroundings(): {
    readonly env: Environment;
    readonly context: VariableContext;
    readonly isRoot: boolean;
  };
  /** The command has done its work, and scripts are to know what came of it. */
  exitWith(code: ExitCode): void;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The option that every subcommand has. */
export interface JsonOption {
  readonly json?: boolean;
}

/** Its flag and sentence. */
export const JSON_OPTION = ['--json', 'print JSON for programs'] as const;

/** Prints the data as one JSON document. */
export function writeJson(context: CommandContext, data: unknown): void {
  context.write(`${JSON.stringify(data, null, 2)}\n`);
}
