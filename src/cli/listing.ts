import { CLI } from './cli-command.ts';
import { type CommandContext, type JsonOption, writeJson } from './command-context.ts';
import { rowsToTable, textToCell } from './terminal-text.ts';

/** Longer cells are cut. */
const MAX_CELL = 60;

/** How a list is shown to people. */
export interface Listing<Item> {
  /** What is said of an empty one. */
  readonly none: string;
  /** The columns by their titles, and what each shows of an item. */
  readonly columns: Readonly<Record<string, (item: Item) => string>>;
}

/** Prints the list, as one JSON document or as a table, whose cells may hold anything. */
export function writeList<Item>(
  context: CommandContext,
  { json }: JsonOption,
  items: readonly Item[],
  { none, columns }: Listing<Item>,
): void {
  if (json) writeJson(context, items);
  else if (items.length === 0) context.write(`${none}\n`);
  else {
    const rows = items.map((item) =>
      Object.values(columns).map((toText) => textToCell(toText(item), MAX_CELL)),
    );
    context.write(rowsToTable(Object.keys(columns), rows));
  }
}

/** What --help shows below the options. */
export function exampleHelp(...commands: readonly string[]): string {
  return `\nExample:\n${commands.map((command) => `  ${CLI} ${command}`).join('\n')}`;
}
