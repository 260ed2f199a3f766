import type { Command } from 'commander';
import type { CallInit } from '../../client/client.ts';
import { AppError } from '../../lib/errors.ts';
import { API } from '../api-client.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { EXIT } from '../exit-code.ts';
import { exampleHelp, writeList } from '../listing.ts';
import { type Delivery, findOutcome } from '../ping-outcome.ts';
import { withRemedies } from '../remedies.ts';
import { instantText, textToLine } from '../terminal-text.ts';
import { checkCount, checkOneOf, requireValid, withTypedNames } from '../typed-values.ts';
import { chooseWebhook } from '../webhook-choice.ts';

const WEBHOOK = `${API}/webhooks/{webhookId}`;

/** Fields of the API, as they are typed here. */
const TYPED_NAMES = { limit: '--limit', status: '--status', from: '--from', to: '--to' };

const STATUSES = ['pending', 'delivered', 'dead'];

const REMEDIES = {
  WEBHOOK_NOT_FOUND: `See: ${CLI} webhooks`,
  WEBHOOK_DISABLED: `The command: ${CLI} webhooks enable <webhook>`,
  DELIVERY_NOT_FOUND: `See: ${CLI} webhooks deliveries <webhook>`,
};

interface ListOptions extends JsonOption {
  readonly limit: string;
  readonly status?: string;
}

interface RedeliverOptions extends JsonOption {
  readonly from?: string;
  readonly to?: string;
}

/** `webhooks test`, `deliveries` and `redeliver`: what is sent to an endpoint. */
export function addDeliveryCommands(webhooks: Command, context: CommandContext): void {
  webhooks
    .command('test')
    .summary('send a ping, and say whether it was taken')
    .description(
      'Sends a ping, signed as every event, and says whether it was taken; the exit code is 1 if not.',
    )
    .argument('<webhook>', 'id, address or description')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('webhooks test "Order service"'))
    .action((wanted: string, options: JsonOption) => testWebhook(context, wanted, options));
  webhooks
    .command('deliveries')
    .summary('list what was sent, what waits, and dead letters')
    .description('Lists what was sent, what waits, and dead letters (--status dead), newest first.')
    .argument('<webhook>', 'id, address or description')
    .option('--limit <count>', 'how many, 1 to 100', '20')
    .option('--status <status>', `only those that are ${STATUSES.join(', ')}`)
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('webhooks deliveries "Order service" --status dead'))
    .action((wanted: string, options: ListOptions) => listDeliveries(context, wanted, options));
  webhooks
    .command('redeliver')
    .summary('send one again, or the dead letters of a time')
    .description('Sends an event again, whatever became of it, or all dead letters of a time.')
    .argument('<webhook>', 'id, address or description')
    .argument('[delivery]', 'the id of a delivery')
    .option('--from <instant>', 'instead: dead letters of then and later, such as 2026-01-31T08:00:00Z')
    .option('--to <instant>', 'and before then')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      exampleHelp(
        'webhooks redeliver "Order service" 4711',
        'webhooks redeliver "Order service" --from 2026-01-31T08:00:00Z --to 2026-01-31T20:00:00Z',
      ),
    )
    .action((wanted: string, delivery: string | undefined, options: RedeliverOptions) =>
      redeliver(context, { wanted, delivery, ...options }),
    );
}

async function testWebhook(context: CommandContext, wanted: string, { json }: JsonOption): Promise<void> {
  const api = await context.openApi();
  const params = { path: { webhookId: await chooseWebhook(api, wanted) } };
  const asked = api.ask((client) => client.post(`${WEBHOOK}/test`, { params, body: {} }));
  const { webhookId, eventId } = await withRemedies(asked, REMEDIES);
  const outcome = await findOutcome(api, { webhookId, eventId }, context.signal);
  if (outcome?.status !== 'delivered') context.exitWith(EXIT.failed);
  if (json) writeJson(context, { webhookId, eventId, delivery: outcome ?? null });
  else context.write(describeOutcome(webhookId, outcome));
}

function describeOutcome(webhookId: string, outcome: Delivery | undefined): string {
  const see = `See: ${CLI} webhooks deliveries ${webhookId}`;
  if (outcome === undefined) return `The ping was not tried yet: the endpoint rests, or is slow. ${see}\n`;
  const { status, lastStatus, lastError } = outcome;
  if (status === 'delivered') return `The ping was taken (HTTP ${lastStatus}).\n`;
  const again = status === 'dead' ? '' : 'It is sent again until it is taken, for 24 hours. ';
  return `The ping was not taken. ${textToLine(lastError ?? '')}\n${again}${see}\n`;
}

async function listDeliveries(context: CommandContext, wanted: string, options: ListOptions): Promise<void> {
  const { limit, status } = options;
  requireValid(checkCount('--limit', limit, { max: 100 }), checkOneOf('--status', status, STATUSES));
  const api = await context.openApi();
  const params = {
    path: { webhookId: await chooseWebhook(api, wanted) },
    query: { limit: Number(limit), ...(status === undefined ? {} : { status }) },
  } as CallInit<'get', `${typeof WEBHOOK}/deliveries`>['params'] & object;
  const asked = api.ask((client) => client.get(`${WEBHOOK}/deliveries`, { params }));
  const deliveries = await withRemedies(withTypedNames(asked, TYPED_NAMES), REMEDIES);
  writeList<Delivery>(context, options, deliveries, {
    none: 'No deliveries.',
    columns: {
      ID: ({ id }) => id,
      TIME: ({ createdAt }) => instantText(createdAt),
      EVENT: ({ type }) => type,
      STATUS: ({ status: now }) => now,
      TRIES: ({ attempts }) => String(attempts),
      NEXT: ({ nextAttemptAt }) => (nextAttemptAt === null ? '-' : instantText(nextAttemptAt)),
      ERROR: ({ status: now, lastError }) => (now === 'delivered' ? '' : (lastError ?? '')),
    },
  });
}

interface RedeliverWish extends RedeliverOptions {
  readonly wanted: string;
  readonly delivery: string | undefined;
}

async function redeliver(context: CommandContext, wish: RedeliverWish): Promise<void> {
  const { wanted, delivery, from, to, json } = wish;
  const hasRange = from !== undefined && to !== undefined;
  if (delivery === undefined ? !hasRange : from !== undefined || to !== undefined) {
    throw new AppError('VALIDATION_FAILED', {
      details: [{ field: '[delivery]', message: 'Give either the id of a delivery, or --from and --to.' }],
    });
  }
  const api = await context.openApi();
  const path = { webhookId: await chooseWebhook(api, wanted) };
  if (delivery !== undefined) {
    const params = { path: { ...path, deliveryId: delivery } };
    const asked = api.ask((client) =>
      client.post(`${WEBHOOK}/deliveries/{deliveryId}/redeliver`, { params, body: {} }),
    );
    const waiting = await withRemedies(asked, REMEDIES);
    if (json) writeJson(context, waiting);
    else context.write(`Sent again: delivery ${waiting.id}.\n`);
    return;
  }
  const body = { from: from ?? '', to: to ?? '' };
  const asked = api.ask((client) => client.post(`${WEBHOOK}/redeliver`, { params: { path }, body }));
  const { webhookId, count } = await withRemedies(withTypedNames(asked, TYPED_NAMES), REMEDIES);
  if (json) writeJson(context, { webhookId, count });
  else context.write(`Sent again: ${count} ${count === 1 ? 'dead letter' : 'dead letters'}.\n`);
}
