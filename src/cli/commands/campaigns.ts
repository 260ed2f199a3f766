import type { Command } from 'commander';
import type { Schemas } from '../../client/client.ts';
import { chooseAccount } from '../account-choice.ts';
import { API, type ApiClient } from '../api-client.ts';
import { readCampaign } from '../campaign-file.ts';
import { type CampaignProgress, describeCampaign, followCampaign } from '../campaign-progress.ts';
import { CLI } from '../cli-command.ts';
import { type CommandContext, JSON_OPTION, type JsonOption, writeJson } from '../command-context.ts';
import { exampleHelp, writeList } from '../listing.ts';
import { withRemedies } from '../remedies.ts';
import { clearLines, instantText } from '../terminal-text.ts';
import { withTypedNames } from '../typed-values.ts';

/** Stands for any id in examples. */
const SOME_ID = '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10';

const REMEDIES = {
  CAMPAIGN_NOT_FOUND: `Its id is among: ${CLI} campaigns list <account>`,
  CAMPAIGN_ENDED: `What is to go out all the same takes another: ${CLI} campaigns create`,
};

const FILE_HELP = `
The file is in JSON: {"name": "Opening hours", "items": [{"to": "+491700000001", "text": "We are open."}]}, or the list
of items alone, with --name. An item is the body of a single send but for onLimit: see /docs of the daemon.
`;

/** `campaigns`: named batches of messages. */
export function addCampaignsCommand(program: Command, context: CommandContext): void {
  const campaigns = program
    .command('campaigns')
    .summary('send many messages little by little')
    .description(
      'Creates, watches, pauses and cancels campaigns: named batches of messages. See docs/campaigns.md.',
    )
    .helpCommand(false)
    .addHelpText(
      'after',
      exampleHelp('campaigns create "Front desk" may.json', 'campaigns list "Front desk"'),
    );
  addCreateCommand(campaigns, context);
  campaigns
    .command('list')
    .summary('list the campaigns of an account')
    .description('Lists the campaigns of an account, newest first.')
    .argument('<account>', 'id, phone number or name')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('campaigns list "Front desk"'))
    .action((wanted: string, options: JsonOption) => listCampaigns(context, wanted, options));
  addShowCommand(campaigns, context);
  campaigns
    .command('items')
    .summary('list the items of a campaign')
    .description('Lists the items of a campaign in their order, and why one was rejected or has failed.')
    .argument('<campaign>', 'its id')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp(`campaigns items ${SOME_ID}`))
    .action((campaignId: string, options: JsonOption) => listItems(context, campaignId, options));
  for (const action of ACTIONS) addActionCommand(campaigns, context, action);
}

interface CreateOptions extends JsonOption {
  readonly name?: string;
  readonly idempotencyKey?: string;
}

function addCreateCommand(campaigns: Command, context: CommandContext): void {
  campaigns
    .command('create')
    .summary('create one from a file; it begins at once')
    .description('Creates a campaign of up to 1,000 messages from a file. It begins at once.')
    .argument('<account>', 'id, phone number or name of the account that sends')
    .argument('<file>', 'its name and items, in JSON')
    .option('--name <name>', 'another name than that of the file')
    .option('--idempotency-key <key>', 'repeating the command with the same key creates nothing twice')
    .option(...JSON_OPTION)
    .addHelpText('after', FILE_HELP + exampleHelp('campaigns create "Front desk" may.json'))
    .action((wanted: string, file: string, options: CreateOptions) =>
      createCampaign(context, { wanted, file, ...options }),
    );
}

interface ShowOptions extends JsonOption {
  readonly follow?: boolean;
}

function addShowCommand(campaigns: Command, context: CommandContext): void {
  campaigns
    .command('show')
    .summary('say how far a campaign is')
    .description(
      'Says how far a campaign is. With --follow it goes on, in place, until its last message has left; with --json each ' +
        'change is a line of its own then.',
    )
    .argument('<campaign>', 'its id')
    .option('--follow', 'go on until nothing more of it leaves')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp(`campaigns show ${SOME_ID} --follow`))
    .action((campaignId: string, options: ShowOptions) => showCampaign(context, campaignId, options));
}

interface Action {
  readonly name: 'pause' | 'resume' | 'cancel';
  readonly summary: string;
  readonly description: string;
}

const ACTIONS: readonly Action[] = [
  {
    name: 'pause',
    summary: 'accept nothing more of it',
    description: 'Pauses a campaign. The few messages that were accepted still leave.',
  },
  { name: 'resume', summary: 'go on with it', description: 'Lets a paused campaign go on where it was.' },
  {
    name: 'cancel',
    summary: 'cancel what waits',
    description: 'Cancels what waits, and what was not handed to WhatsApp. It cannot be resumed.',
  },
];

function addActionCommand(campaigns: Command, context: CommandContext, action: Action): void {
  const { name, summary, description } = action;
  campaigns
    .command(name)
    .summary(summary)
    .description(description)
    .argument('<campaign>', 'its id')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp(`campaigns ${name} ${SOME_ID}`))
    .action((campaignId: string, options: JsonOption) => act(context, action, { campaignId, ...options }));
}

async function createCampaign(
  context: CommandContext,
  { wanted, file, name, idempotencyKey, json }: CreateOptions & { wanted: string; file: string },
): Promise<void> {
  const body = await readCampaign(context.resolvePath(file), name);
  const api = await context.openApi();
  const path = { accountId: await chooseAccount(api, wanted) };
  const header = idempotencyKey === undefined ? {} : { header: { 'idempotency-key': idempotencyKey } };
  const asked = api.ask((client) =>
    client.post(`${API}/accounts/{accountId}/campaigns`, { params: { path, ...header }, body }),
  );
  // Fields of the items are called as in the file.
  const names = { 'idempotency-key': '--idempotency-key', ...(name === undefined ? {} : { name: '--name' }) };
  const created = await withTypedNames(asked, names);
  if (json) writeJson(context, created);
  else {
    const { campaignId, total } = created;
    context.write(
      `Created: campaign ${campaignId}, ${total} ${total === 1 ? 'item' : 'items'}. Watch it: ${CLI} campaigns show ${campaignId} --follow\n`,
    );
  }
}

async function listCampaigns(context: CommandContext, wanted: string, options: JsonOption): Promise<void> {
  const api = await context.openApi();
  const path = { accountId: await chooseAccount(api, wanted) };
  const campaigns = await api.askAll((client) =>
    client.list(`${API}/accounts/{accountId}/campaigns`, { params: { path } }),
  );
  writeList<Schemas['Campaign']>(context, options, campaigns, {
    none: 'No campaigns.',
    columns: {
      ID: ({ campaignId }) => campaignId,
      NAME: ({ name }) => name,
      STATUS: ({ status }) => status,
      ITEMS: ({ total }) => String(total),
      CREATED: ({ createdAt }) => instantText(createdAt),
      ENDED: ({ endedAt }) => (endedAt === null ? '-' : instantText(endedAt)),
    },
  });
}

async function listItems(context: CommandContext, campaignId: string, options: JsonOption): Promise<void> {
  const api = await context.openApi();
  const params = { path: { campaignId } };
  const asked = api.askAll((client) => client.list(`${API}/campaigns/{campaignId}/items`, { params }));
  writeList<Schemas['CampaignItem']>(context, options, await withRemedies(asked, REMEDIES), {
    none: 'No items.',
    columns: {
      '#': ({ index }) => String(index),
      TO: ({ to }) => to,
      STATUS: ({ status }) => status,
      MESSAGE: ({ messageId }) => messageId ?? '-',
      ERROR: ({ error }) => (error === null ? '' : `${error.code}: ${error.message}`),
    },
  });
}

async function showCampaign(
  context: CommandContext,
  campaignId: string,
  { follow, json }: ShowOptions,
): Promise<void> {
  const api = await context.openApi();
  const ask = () => readProgress(api, campaignId);
  if (!follow) {
    writeProgress(context, await ask(), json);
    return;
  }
  let drawn = '';
  for await (const campaign of followCampaign(ask, context.signal)) {
    const text = json ? `${JSON.stringify(campaign)}\n` : describeCampaign(campaign);
    context.write(
      drawn !== '' && context.isTty && !json ? clearLines(drawn.split('\n').length - 1) + text : text,
    );
    drawn = text;
  }
}

async function readProgress(api: ApiClient, campaignId: string): Promise<CampaignProgress> {
  const params = { path: { campaignId } };
  const asked = api.ask((client) => client.get(`${API}/campaigns/{campaignId}`, { params }));
  return withRemedies(asked, REMEDIES);
}

async function act(
  context: CommandContext,
  { name }: Action,
  { campaignId, json }: JsonOption & { readonly campaignId: string },
): Promise<void> {
  const api = await context.openApi();
  const params = { path: { campaignId } };
  const asked = api.ask((client) =>
    client.post(`${API}/campaigns/{campaignId}/${name}`, { params, body: {} }),
  );
  writeProgress(context, await withRemedies(asked, REMEDIES), json);
}

function writeProgress(context: CommandContext, campaign: CampaignProgress, json: boolean | undefined): void {
  if (json) writeJson(context, campaign);
  else context.write(describeCampaign(campaign));
}
