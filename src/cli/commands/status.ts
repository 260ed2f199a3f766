import type { Command } from 'commander';
import { chooseAccount } from '../account-choice.ts';
import type { AccountHealthView } from '../api-views.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { idToLinkCommand, isMendedByLinking, isResting } from '../link-step.ts';
import { instantText, textToLine } from '../terminal-text.ts';
import { describeAccounts, describeState } from './accounts.ts';

/** `status`: how one account is, or all of them. */
export function addStatusCommand(program: Command, context: CommandContext): void {
  program
    .command('status')
    .summary('say how an account is, or all of them')
    .description(
      'Says how an account is and what a person must do about it; without one, lists all accounts.',
    )
    .argument('[account]', 'id, phone number or name')
    .option(...JSON_OPTION)
    .action((wanted: string | undefined, options: JsonOption) => status(context, wanted, options));
}

async function status(
  context: CommandContext,
  wanted: string | undefined,
  { json }: JsonOption,
): Promise<void> {
  const api = await context.openApi();
  if (wanted === undefined) {
    const accounts = await api.listAccounts();
    if (json) writeJson(context, accounts);
    else context.write(describeAccounts(accounts));
    return;
  }
  const health = await api.getHealth(await chooseAccount(api, wanted));
  if (json) writeJson(context, health);
  else context.write(describeHealth(health));
}

/** The account, a line for each thing worth knowing. */
export function describeHealth(health: AccountHealthView): string {
  const { reason, reconnect } = health;
  const lines: readonly (readonly [string, string | null])[] = [
    ['Account', health.id],
    ['Name', health.displayName],
    ['Phone', health.phoneNumber],
    ['Status', `${describeState(health)} since ${instantText(health.since)}`],
    ['Reason', reason?.text ?? null],
    ['To do', describeRemedy(health)],
    [
      'Reconnect',
      reconnect &&
        `attempt ${reconnect.attempt}, ${reconnect.nextAt ? `next at ${instantText(reconnect.nextAt)}` : 'running'}`,
    ],
    // Whoever disconnected it, or gave its code up, has left an error behind that is nobody's trouble any more.
    ['Last error', health.connectionStatus === 'Disconnected' ? null : health.lastError],
    ['Health', `${health.healthStatus}, ${Math.round(health.usagePercentage)} % of the day's limit used`],
    [
      'Today',
      `${health.messagesSentToday} of ${health.dailyLimit} sent, ${health.messagesReceivedToday} received (${health.timezone})`,
    ],
    ['Connected', health.lastConnectedAt && `last at ${instantText(health.lastConnectedAt)}`],
  ];
  return lines
    .filter((line): line is readonly [string, string] => line[1] !== null)
    .map(([name, value]) => `${`${name}:`.padEnd(12)}${textToLine(value)}\n`)
    .join('');
}

/** What a person does about it, and the command where it does not go on by itself; null if nothing is to be done. */
function describeRemedy(health: AccountHealthView): string | null {
  const action = health.reason?.userAction ?? null;
  if (!isResting(health) || !isMendedByLinking(health)) return action;
  const command = idToLinkCommand(health.id);
  return action === null ? command : `${action} The command: ${command}`;
}
