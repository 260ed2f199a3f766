import type { Command } from 'commander';
import { chooseAccount } from '../account-choice.ts';
import type { AccountHealthView } from '../api-views.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { idToLinkCommand, isResting } from '../link-step.ts';
import { textToLine } from '../terminal-text.ts';
import { describeAccounts } from './accounts.ts';

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
    ['Status', `${health.connectionStatus} (${health.state}) since ${health.since}`],
    ['Reason', reason?.text ?? null],
    ['To do', reason?.userAction ?? null],
    ['Reconnect', isResting(health) ? idToLinkCommand(health.id) : null],
    [
      'Reconnect',
      reconnect &&
        `attempt ${reconnect.attempt}, ${reconnect.nextAt ? `next at ${reconnect.nextAt}` : 'running'}`,
    ],
    ['Last error', health.lastError],
    ['Health', `${health.healthStatus}, ${Math.round(health.usagePercentage)} % of the day's limit used`],
    [
      'Today',
      `${health.messagesSentToday} of ${health.dailyLimit} sent, ${health.messagesReceivedToday} received (${health.timezone})`,
    ],
    ['Connected', health.lastConnectedAt && `last at ${health.lastConnectedAt}`],
  ];
  return lines
    .filter((line): line is readonly [string, string] => line[1] !== null)
    .map(([name, value]) => `${`${name}:`.padEnd(12)}${textToLine(value)}\n`)
    .join('');
}
