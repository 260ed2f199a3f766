import type { Command } from 'commander';
import type { CallInit, Schemas } from '../../client/client.ts';
import { WEBHOOK_EVENT_NAMES } from '../../webhooks/event-types.ts';
import { chooseAccount } from '../account-choice.ts';
import { API } from '../api-client.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { exampleHelp, writeList } from '../listing.ts';
import { withRemedies } from '../remedies.ts';
import { instantText, textToLine } from '../terminal-text.ts';
import { checkOneOf, requireValid, withTypedNames } from '../typed-values.ts';
import { chooseWebhook, listWebhooks } from '../webhook-choice.ts';
import { addDeliveryCommands } from './webhook-deliveries.ts';

const WEBHOOK = `${API}/webhooks/{webhookId}`;

/** Fields of the API, as they are typed here. */
const TYPED_NAMES = {
  url: '<url>',
  events: '--event',
  accountId: '--account',
  description: '--description',
};

const REMEDIES = { WEBHOOK_NOT_FOUND: `See: ${CLI} webhooks` };

/** `webhooks`: events that are posted to endpoints. */
export function addWebhooksCommand(program: Command, context: CommandContext): void {
  const webhooks = program
    .command('webhooks')
    .summary('have events posted to an endpoint')
    .description(
      'Keeps subscriptions of endpoints to events, and what was sent to them; without a subcommand it lists them. See docs/webhooks.md.',
    )
    .helpCommand(false)
    .addHelpText('after', exampleHelp('webhooks', 'webhooks test "Order service"'));
  webhooks
    .command('list', { isDefault: true })
    .summary('list the webhooks')
    .description('Lists the webhooks of the tenant, oldest first.')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('webhooks'))
    .action((options: JsonOption) => showWebhooks(context, options));
  addCreateCommand(webhooks, context);
  for (const change of CHANGES) addChangeCommand(webhooks, context, change);
  addDeliveryCommands(webhooks, context);
}

interface CreateOptions extends JsonOption {
  readonly event: readonly string[];
  readonly account?: string;
  readonly description?: string;
}

function addCreateCommand(webhooks: Command, context: CommandContext): void {
  webhooks
    .command('create')
    .summary('subscribe an endpoint, and print its secret, this once')
    .description('Subscribes an endpoint to events, from now on, and prints the secret, this once.')
    .argument('<url>', 'where events are posted: https, on the public Internet')
    .requiredOption('--event <event...>', `what to tell: ${WEBHOOK_EVENT_NAMES.join(', ')}`)
    .option('--account <account>', 'of this account alone: id, phone number or name')
    .option('--description <text>', 'what it is for')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      exampleHelp('webhooks create https://shop.example/hooks --event message.received message.status'),
    )
    .action((url: string, options: CreateOptions) => createWebhook(context, url, options));
}

interface Change {
  readonly name: 'enable' | 'disable' | 'delete' | 'rotate-secret';
  readonly summary: string;
  readonly description: string;
  readonly run: (context: CommandContext, webhookId: string, options: JsonOption) => Promise<void>;
}

const CHANGES: readonly Change[] = [
  {
    name: 'enable',
    summary: 'take deliveries up',
    description: 'Takes deliveries up, also of a webhook that was disabled since nothing was taken for days.',
    run: (context, webhookId, options) => setEnabled(context, webhookId, { ...options, enabled: true }),
  },
  {
    name: 'disable',
    summary: 'end deliveries',
    description:
      'Ends deliveries: what waits becomes dead letters, and what happens from now on is not kept.',
    run: (context, webhookId, options) => setEnabled(context, webhookId, { ...options, enabled: false }),
  },
  {
    name: 'rotate-secret',
    summary: 'replace the secret, and print the new one, this once',
    description:
      'Replaces the secret, and prints the new one, this once. The one before signs each request as well for 24 hours, and ' +
      'earlier ones until their own 24 hours are over; the newest five sign.',
    run: rotateSecret,
  },
  {
    name: 'delete',
    summary: 'end a subscription',
    description: 'Ends a subscription, with all that waits for it and its dead letters.',
    run: deleteWebhook,
  },
];

function addChangeCommand(webhooks: Command, context: CommandContext, change: Change): void {
  webhooks
    .command(change.name)
    .summary(change.summary)
    .description(change.description)
    .argument('<webhook>', 'id, address or description')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp(`webhooks ${change.name} "Order service"`))
    .action(async (wanted: string, options: JsonOption) => {
      const webhookId = await chooseWebhook(await context.openApi(), wanted);
      await withRemedies(change.run(context, webhookId, options), REMEDIES);
    });
}

async function showWebhooks(context: CommandContext, options: JsonOption): Promise<void> {
  writeList<Schemas['Webhook']>(context, options, await listWebhooks(await context.openApi()), {
    none: `There is no webhook yet. Make one with: ${CLI} webhooks create <url> --event message.received`,
    columns: {
      ID: ({ id }) => id,
      URL: ({ url }) => url,
      DESCRIPTION: ({ description }) => description ?? '-',
      STATE: describeState,
      ACCOUNT: ({ accountId }) => accountId ?? 'all',
      EVENTS: ({ events }) => events.join(' '),
    },
  });
}

function describeState({ state, nextTryAt }: Schemas['Webhook']): string {
  return nextTryAt === null ? state : `${state} until ${instantText(nextTryAt)}`;
}

async function createWebhook(
  context: CommandContext,
  url: string,
  { event, account, description, json }: CreateOptions,
): Promise<void> {
  requireValid(...event.map((each) => checkOneOf('--event', each, WEBHOOK_EVENT_NAMES)));
  const api = await context.openApi();
  const wish = {
    url,
    events: event,
    ...(account === undefined ? {} : { accountId: await chooseAccount(api, account) }),
    ...(description === undefined ? {} : { description }),
  };
  const body = wish as CallInit<'post', `${typeof API}/webhooks`>['body'];
  const made = await withTypedNames(
    api.ask((client) => client.post(`${API}/webhooks`, { body })),
    TYPED_NAMES,
  );
  if (json) {
    writeJson(context, made);
    return;
  }
  context.write(`${made.secret}\n`);
  context.write(
    `This is the secret of webhook ${made.id} (${textToLine(made.url)}), with which its signatures are checked. It is shown this once. Send a ping: ${CLI} webhooks test ${made.id}\n`,
  );
}

async function rotateSecret(context: CommandContext, webhookId: string, { json }: JsonOption): Promise<void> {
  const api = await context.openApi();
  const rotated = await api.ask((client) =>
    client.post(`${WEBHOOK}/rotate-secret`, { params: { path: { webhookId } }, body: {} }),
  );
  if (json) {
    writeJson(context, rotated);
    return;
  }
  context.write(`${rotated.secret}\n`);
  context.write(
    `This is the new secret of webhook ${webhookId}. It is shown this once. The one before signs as well until ${instantText(rotated.previousUntil)}, and earlier ones until their own 24 hours are over.\n`,
  );
}

async function setEnabled(
  context: CommandContext,
  webhookId: string,
  { enabled, json }: JsonOption & { readonly enabled: boolean },
): Promise<void> {
  const api = await context.openApi();
  const changed = await api.ask((client) =>
    client.patch(WEBHOOK, { params: { path: { webhookId } }, body: { enabled } }),
  );
  if (json) writeJson(context, changed);
  else context.write(`${enabled ? 'Enabled' : 'Disabled'}: webhook ${webhookId}.\n`);
}

async function deleteWebhook(
  context: CommandContext,
  webhookId: string,
  { json }: JsonOption,
): Promise<void> {
  const api = await context.openApi();
  const deleted = await api.ask((client) => client.delete(WEBHOOK, { params: { path: { webhookId } } }));
  if (json) writeJson(context, deleted);
  else context.write(`Deleted: webhook ${webhookId}.\n`);
}
