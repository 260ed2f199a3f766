import type { Command } from 'commander';
import type { Schemas } from '../../client/client.ts';
import { API } from '../api-client.ts';
import { type CommandContext, JSON_OPTION, type JsonOption } from '../command-context.ts';
import { exampleHelp, writeList } from '../listing.ts';
import { instantText } from '../terminal-text.ts';
import { checkCount, requireValid, withTypedNames } from '../typed-values.ts';

/** Fields of the API, as they are typed here. */
const TYPED_NAMES = {
  limit: '--limit',
  actor: '--actor',
  action: '--action',
  since: '--since',
  until: '--until',
};

interface AuditOptions extends JsonOption {
  readonly limit: string;
  readonly actor?: string;
  readonly action?: string;
  readonly since?: string;
  readonly until?: string;
}

/** `audit`: who changed what. */
export function addAuditCommand(program: Command, context: CommandContext): void {
  program
    .command('audit')
    .summary('list who changed what')
    .description('Lists changes of the tenant, newest first: who, what, about which, and from where.')
    .option('--limit <count>', 'how many, 1 to 100', '20')
    .option('--actor <id>', 'only those of this key (its id) or user (the `sub`)')
    .option('--action <name>', 'only these, by the operationId of the OpenAPI document, such as createKey')
    .option('--since <instant>', 'only those of then and later, such as 2026-01-31T08:00:00Z')
    .option('--until <instant>', 'only those before')
    .option(...JSON_OPTION)
    .addHelpText('after', exampleHelp('audit --action createKey --since 2026-01-31T08:00:00Z'))
    .action((options: AuditOptions) => listAudit(context, options));
}

async function listAudit(context: CommandContext, options: AuditOptions): Promise<void> {
  const { limit, json: _json, ...filter } = options;
  requireValid(checkCount('--limit', limit, { max: 100 }));
  const api = await context.openApi();
  const query = { ...filter, limit: Number(limit) };
  const entries = await withTypedNames(
    api.ask((client) => client.get(`${API}/audit`, { params: { query } })),
    TYPED_NAMES,
  );
  writeList<Schemas['AuditEntry']>(context, options, entries, {
    none: 'No changes.',
    columns: {
      TIME: ({ at }) => instantText(at),
      WHO: ({ actor }) => `${actor.name} (${actor.kind})`,
      ACTION: ({ action }) => action,
      ABOUT: ({ target }) => target ?? '-',
      FROM: ({ address }) => address,
      DETAILS: ({ details }) => (details === null ? '' : JSON.stringify(details)),
    },
  });
}
