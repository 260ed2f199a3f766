/**
 * What webhooks are sent, for the OpenAPI document alone: bodies are made in webhooks/event.ts, and tests check what is delivered
 * by these.
 */
import { z } from 'zod';
import { ALERT_KINDS } from '../accounts/account.ts';
import { LIMIT_LEVELS } from '../accounts/health.ts';
import type { ReasonCode } from '../accounts/reason.ts';
import { stateToConnectionStatus } from '../accounts/state.ts';
import type { ToldState } from '../webhooks/account-fold.ts';
import { type DeliveryType, WEBHOOK_EVENTS } from '../webhooks/event-types.ts';
import { accountSchema, reasonToView } from './account-view.ts';
import { messageSchema } from './message-view.ts';

const { healthStatus, messagesSentToday, dailyLimit, reason } = accountSchema.shape;

const uuid = z.string().meta({ format: 'uuid' });
const instant = z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC.' });

const use = {
  usagePercentage: z.number().meta({ description: 'Of the daily limit, with two decimals.', examples: [70] }),
  messagesSentToday: messagesSentToday.meta({ examples: [700] }),
  dailyLimit,
};

function reasonLike(code: ReasonCode | null) {
  return reason.meta({ examples: [reasonToView(code)] });
}

function stateData<State extends ToldState>(state: State, code: ReasonCode | null) {
  return z.object({
    accountId: uuid,
    connectionStatus: z.literal(stateToConnectionStatus(state)),
    state: z.literal(state),
    reason: reasonLike(code),
    since: instant.meta({ description: 'Since when it is so.' }),
  });
}

const DATA = {
  'message.received': messageSchema,
  'message.status': messageSchema,
  'account.connected': stateData('connected', null),
  'account.reconnecting': stateData('reconnecting', 'connection_lost'),
  'account.critical': z.object({
    accountId: uuid,
    kind: z.enum(ALERT_KINDS).exclude(['needs_human']),
    reason: reasonLike('connection_lost'),
    text: z.string().meta({ examples: ['Five attempts in a row failed.'] }),
  }),
  'account.needs_human': stateData('needs_human', 'logged_out'),
  'account.disconnected': stateData('disconnected', 'user_disconnected'),
  'account.health': z.object({
    accountId: uuid,
    healthStatus: healthStatus.meta({ examples: ['Warning'] }),
    ...use,
  }),
  'account.limit': z.object({ accountId: uuid, percent: z.literal(LIMIT_LEVELS), ...use }),
  'webhook.disabled': z.object({
    webhookId: uuid,
    description: z
      .string()
      .nullable()
      .meta({ examples: ['Order service'] }),
    accountId: uuid.nullable(),
    reason: z.literal('failing'),
    since: instant,
  }),
  ping: z.object({ webhookId: uuid }),
} as const satisfies Record<DeliveryType, z.ZodType>;

const DESCRIPTIONS: Readonly<Record<DeliveryType, string>> = {
  ...WEBHOOK_EVENTS,
  ping: 'Somebody asked for it, by `POST /webhooks/{webhookId}/test`.',
};

const HEADERS = [
  {
    name: 'webhook-id',
    description: 'Names the event: the same at each try, and when it is redelivered.',
    example: 'evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0',
  },
  { name: 'webhook-timestamp', description: 'The second of this try, since 1970.', example: '1769846400' },
  {
    name: 'webhook-signature',
    description: 'Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.',
    example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  },
].map((header) => ({ ...header, in: 'header', required: true, schema: { type: 'string' } }));

const RESPONSES = {
  '2XX': { description: 'It is taken.' },
  default: { description: 'It is not, and is tried again for 24 hours.' },
};

/** Name of the schema of an event's body: `MessageReceivedEvent`. */
function typeToSchemaName(type: string): string {
  const words = type.split(/[._]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}Event`;
}

/** Of a message that came in; the one of the schema went out. */
const RECEIVED = {
  ...(messageSchema.meta()?.examples as readonly object[] | undefined)?.[0],
  ...{
    whatsappMessageId: 'false_491700000001@c.us_3EB0A1B2C3',
    direction: 'incoming',
    author: '491700000001@c.us',
  },
  ...{ text: 'Where is my parcel?', handedAt: null, sentAt: null, deliveredAt: null, reactions: [] },
};
const EXAMPLES: Partial<Record<string, readonly object[]>> = {
  'message.received': [{ type: 'message.received', timestamp: '2026-01-31T08:00:01.000Z', data: RECEIVED }],
};

// What has an id gets into the document's components, if anything there refers to it.
for (const [type, data] of Object.entries(DATA))
  z.object({ type: z.literal(type), timestamp: instant, data }).meta({
    id: typeToSchemaName(type),
    ...(EXAMPLES[type] && { examples: EXAMPLES[type] }),
  });

/** The `webhooks` of the OpenAPI document. */
export const WEBHOOK_OPERATIONS = Object.fromEntries(
  Object.keys(DATA).map((type) => [
    type,
    {
      post: {
        tags: ['webhooks'],
        summary: DESCRIPTIONS[type as DeliveryType],
        security: [],
        parameters: HEADERS,
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: { $ref: `#/components/schemas/${typeToSchemaName(type)}` } },
          },
        },
        responses: RESPONSES,
      },
    },
  ]),
);
