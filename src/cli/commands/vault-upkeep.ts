import type { Command } from 'commander';
import { AppError, type ErrorCode } from '../../lib/errors.ts';
import { chooseAccount } from '../account-choice.ts';
import { type CommandContext, JSON_OPTION, type JsonOption } from '../command-context.ts';
import { describeBad, describeCopy, describeKeyNeeds, isWell } from '../copy-verdict.ts';
import { exampleHelp } from '../listing.ts';
import { VaultApi, type VaultCopyView, type VaultKeyNeedView } from '../vault-api.ts';

const DETAILS = `
A line a copy, as soon as it is done. The exit code is 1 if any copy is not good.
With --json every line is one document: {"total"} with the number of accounts, the copies, at the end {"summary"}.`;

const ROTATE_DETAILS = `
To change the key: put the new one into ENCRYPTION_KEY and the one before into ENCRYPTION_KEY_PREVIOUS, start the
daemon again, then run this; where several instances share a database, at each of them, since each reaches its own disk.
The last line says whether anything still needs the old key: only once nothing does, it can be taken out. No account is
linked anew, and sessions go on running.
${DETAILS}`;

type Work = 'verify' | 'rotate';

/** `vault verify` and `vault rotate`: work on every copy of every sealed session. */
export function addUpkeepCommands(vault: Command, context: CommandContext): void {
  vault
    .command('verify')
    .summary('open every copy of every sealed session, without writing')
    .description(
      'Opens every copy of every sealed session, on disk and in the backups, without writing anything.',
    )
    .argument('[account]', 'id, phone number or name; all accounts if it is left out')
    .option(...JSON_OPTION)
    .addHelpText('after', `${DETAILS}\n${exampleHelp('vault verify', 'vault verify "Front desk"')}`)
    .action((wanted: string | undefined, options: JsonOption) =>
      upkeep(context, 'verify', { wanted, ...options }),
    );
  vault
    .command('rotate')
    .summary('wrap every sealed session with the current key')
    .description(
      'Wraps every copy of every sealed session anew that is not wrapped by the current ENCRYPTION_KEY.',
    )
    .argument('[account]', 'id, phone number or name; all accounts if it is left out')
    .option(...JSON_OPTION)
    .addHelpText('after', `${ROTATE_DETAILS}\n${exampleHelp('vault rotate')}`)
    .action((wanted: string | undefined, options: JsonOption) =>
      upkeep(context, 'rotate', { wanted, ...options }),
    );
}

async function upkeep(
  context: CommandContext,
  work: Work,
  { wanted, json }: JsonOption & { readonly wanted: string | undefined },
): Promise<void> {
  const api = await context.openApi();
  const accountId = wanted === undefined ? undefined : await chooseAccount(api, wanted);
  const copies: VaultCopyView[] = [];
  let total = 0;
  let otherKeys: readonly VaultKeyNeedView[] = [];
  for await (const line of new VaultApi(api).upkeep(work, accountId)) {
    if (json) context.write(`${JSON.stringify(line)}\n`);
    if ('total' in line) total = line.total;
    if ('summary' in line) otherKeys = line.summary.otherKeys ?? [];
    if (!('accountId' in line)) continue;
    copies.push(line);
    if (!json) context.write(`${describeCopy(line)}\n`);
  }
  const bad = copies.filter((copy) => !isWell(copy));
  if (bad.length > 0) {
    if (work === 'rotate' && !json) context.write(describeKeyNeeds(otherKeys));
    throw new AppError(toCode(bad), { message: describeBad(copies.length, bad) });
  }
  if (json) return;
  context.write(describeEnd(work, total, copies));
  if (work === 'rotate') context.write(describeKeyNeeds(otherKeys));
}

/** Any of these exits with 1. */
function toCode(bad: readonly VaultCopyView[]): ErrorCode {
  if (bad.some(({ outcome }) => outcome === 'damaged')) return 'VAULT_DAMAGED';
  return bad.some(({ outcome }) => outcome === 'key_missing') ? 'VAULT_KEY_MISSING' : 'VAULT_STORAGE_FAILED';
}

function describeEnd(work: Work, accounts: number, copies: readonly VaultCopyView[]): string {
  const where = accounts === 1 ? '1 account' : `${accounts} accounts`;
  if (copies.length === 0) return `Nothing is sealed yet (${where}).\n`;
  const all = `${copies.length} ${copies.length === 1 ? 'copy' : 'copies'} of ${where}`;
  if (work === 'verify') return `${all}: all good.\n`;
  const rotated = copies.filter(({ outcome }) => outcome === 'rotated').length;
  return `${all}: ${rotated} wrapped anew, the others were current.\n`;
}
