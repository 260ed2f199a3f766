import type { Command } from 'commander';
import { MESSAGE_STATUSES } from '../../messages/message.ts';
import { chooseAccount } from '../account-choice.ts';
import type { MessageView } from '../api-views.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { followMessages } from '../message-follow.ts';
import { instantText, rowsToTable, textToCell, textToLine } from '../terminal-text.ts';
import { checkCount, checkOneOf, checkPhone, requireValid, withTypedNames } from '../typed-values.ts';

const MAX_TEXT = 60;

/** What `--follow` says on standard error. */
const PRESENCE_LINES = {
  away: 'The daemon is away; waiting for it.\n',
  back: 'The daemon is back.\n',
};

/** Fields of the API, as they are typed here. */
const TYPED_NAMES = {
  limit: '--limit',
  direction: '--direction',
  phoneNumber: '--phone',
  status: '--status',
};

interface MessagesOptions extends JsonOption {
  readonly limit: string;
  readonly direction?: string;
  readonly phone?: string;
  readonly status?: string;
  readonly follow?: boolean;
}

/** `messages`: the latest messages of an account. */
export function addMessagesCommand(program: Command, context: CommandContext): void {
  program
    .command('messages')
    .summary('list the latest messages of an account')
    .description(
      'Lists messages of an account, newest first. With --follow it lists them oldest first and goes on with each that ' +
        'becomes known, until Ctrl-C, and shows one again that is reacted to or voted in; with --json each is a line of its ' +
        'own then.',
    )
    .argument('<account>', 'id, phone number or name')
    .option('--limit <count>', 'how many, 1 to 100', '20')
    .option('--direction <direction>', 'only incoming or outgoing ones')
    .option('--phone <number>', 'only those with this number (E.164)')
    .option('--status <status>', 'only those with this status, such as failed')
    .option('--follow', 'go on with those that come')
    .option(...JSON_OPTION)
    .action((wanted: string, options: MessagesOptions) => listMessages(context, wanted, options));
}

async function listMessages(
  context: CommandContext,
  wanted: string,
  options: MessagesOptions,
): Promise<void> {
  const { json, limit, direction, phone, status, follow } = options;
  requireValid(
    checkCount('--limit', limit, { max: 100 }),
    checkOneOf('--direction', direction, ['incoming', 'outgoing']),
    checkPhone('--phone', phone),
    checkOneOf('--status', status, MESSAGE_STATUSES),
  );
  const api = await context.openApi();
  const filter = {
    ...(direction === undefined ? {} : { direction }),
    ...(phone === undefined ? {} : { phoneNumber: phone }),
    ...(status === undefined ? {} : { status }),
  };
  const accountId = await chooseAccount(api, wanted);
  if (follow) {
    const { signal } = context;
    const onPresence = (presence: 'away' | 'back') => context.writeError(PRESENCE_LINES[presence]);
    const following = followMessages(api, { accountId, filter, first: Number(limit), onPresence, signal });
    return withTypedNames(writeEach(context, following, json === true), TYPED_NAMES);
  }
  const messages = await withTypedNames(api.listMessages(accountId, { limit, ...filter }), TYPED_NAMES);
  if (json) writeJson(context, messages);
  else context.write(describeMessages(messages));
}

async function writeEach(
  context: CommandContext,
  messages: AsyncIterable<MessageView>,
  isJson: boolean,
): Promise<void> {
  for await (const message of messages)
    context.write(isJson ? `${JSON.stringify(message)}\n` : `${messageToCells(message).join('  ')}\n`);
}

/** The messages as a table. */
export function describeMessages(messages: readonly MessageView[]): string {
  if (messages.length === 0) return 'No messages.\n';
  return rowsToTable(['TIME', '', 'WITH', 'STATUS', 'MESSAGE'], messages.map(messageToCells));
}

function messageToCells(message: MessageView): string[] {
  return [
    instantText(message.timestamp),
    message.direction === 'incoming' ? '<' : '>',
    textToCell(message.phoneNumber ?? message.chatId, MAX_TEXT),
    message.failedReason === null ? message.status : `${message.status} (${message.failedReason})`,
    describeContent(message),
  ];
}

function describeContent({ type, text, caption, reactions, votes }: MessageView): string {
  const words = text ?? caption ?? '';
  const content = textToCell(type === 'text' ? words : `[${type}] ${words}`, MAX_TEXT);
  return [content, ...describeReactions(reactions), ...describeVotes(votes ?? [])].join('  ');
}

/** Each emoji once, with how many gave it if there are several. */
function describeReactions(reactions: MessageView['reactions']): string[] {
  const counts = countEach(reactions.map(({ emoji }) => emoji));
  return counts.map(([emoji, count]) => textToLine(count === 1 ? emoji : `${emoji} ${count}`));
}

/** Each option that somebody chose, with how many did. */
function describeVotes(votes: NonNullable<MessageView['votes']>): string[] {
  const counts = countEach(votes.flatMap(({ options }) => options));
  return counts.map(([option, count]) => `${textToCell(option, MAX_TEXT)}: ${count}`);
}

function countEach(names: readonly string[]): (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts];
}
