import { z } from 'zod';
import {
  CAMPAIGN_STATUSES,
  type Campaign,
  type CampaignItem,
  countsToProgress,
  ITEM_STATUSES,
  type ItemCounts,
} from '../messages/campaign.ts';
import { BODY_EXAMPLES } from './openapi-examples.ts';
import { campaignItemSchema } from './send-body.ts';
import { limitedText } from './text-schema.ts';

/** What a campaign may wait for; of several the first is told. */
const WAITS = ['connection', 'daily-limit', 'rate-limit'] as const;

/** Items of a campaign. */
const MAX_ITEMS = 1_000;

const instant = z.string().meta({ format: 'date-time' });

export const campaignBodySchema = z
  .strictObject({
    name: limitedText(200),
    items: z
      .array(campaignItemSchema)
      .min(1, 'Give at least one item.')
      .max(MAX_ITEMS, `Give at most ${MAX_ITEMS} items.`),
  })
  .meta({
    [BODY_EXAMPLES]: [
      {
        name: 'Opening hours in May',
        items: [
          { to: '+491700000001', text: 'We are open from nine to six.' },
          { to: '+491700000002', text: 'We are open from nine to six, and your order is ready.' },
        ],
      },
      {
        name: 'The new menu',
        items: [
          {
            to: '+491700000001',
            media: { data: 'SGVsbG8h', mimeType: 'text/plain' },
            fileName: 'menu.txt',
            caption: 'From tomorrow on',
          },
          { to: '120363000000000001@g.us', poll: { question: 'Soup of the day?', options: ['Pea', 'Leek'] } },
        ],
      },
    ],
  });

export const createdCampaignSchema = z.object({
  campaignId: z.string().meta({ format: 'uuid' }),
  status: z.literal('running'),
  total: z.int(),
});

const campaignShape = {
  campaignId: z.string().meta({ format: 'uuid' }),
  accountId: z.string().meta({ format: 'uuid' }),
  name: z.string(),
  status: z.enum(CAMPAIGN_STATUSES).meta({
    description: '`completed`: every item was accepted or rejected; its messages may still be on their way.',
  }),
  total: z.int().meta({ description: 'Items.' }),
  createdAt: instant,
  endedAt: instant.nullable().meta({ description: 'When it was completed or cancelled.' }),
};

export const campaignSchema = z.object(campaignShape).meta({ id: 'Campaign' });

const itemStatusSchema = z.enum(ITEM_STATUSES).meta({
  description:
    '`waiting`: not accepted yet; `rejected`: a single send would have been refused; `deleted`: its message is no ' +
    'longer kept; else the status of its message.',
});

const count = (description: string) => z.int().meta({ description });

export const campaignProgressSchema = z
  .object({
    ...campaignShape,
    progress: z.object({
      total: count('Items.'),
      waiting: count('Items that are not accepted yet.'),
      accepted: count('Items that have become messages.'),
      sent: count("Messages that WhatsApp's server has, those that came further among them."),
      delivered: count('Messages that were delivered, those that were read among them.'),
      read: count('Messages that were read or played.'),
      failed: count('Items that were rejected, and messages that failed.'),
      cancelled: count('Items and messages that were cancelled.'),
    }),
    counts: z.record(itemStatusSchema, z.int()).meta({
      description: 'How many items are where; they add up to `total`.',
      examples: [Object.fromEntries(ITEM_STATUSES.map((status) => [status, status === 'sent' ? 3 : 0]))],
    }),
    waitsFor: z
      .enum(WAITS)
      .nullable()
      .meta({
        description:
          'What a running campaign with items that wait cannot go on without: a connection of the account, a day or a ' +
          'minute that has room.',
      }),
    waitsUntil: instant.nullable().meta({
      description:
        'For `daily-limit`: when the next day of the account begins; for `rate-limit`: when its next message may leave.',
    }),
  })
  .meta({ id: 'CampaignProgress' });

export const campaignItemViewSchema = z
  .object({
    index: z.int().meta({ description: 'Place in the campaign, from 0.' }),
    to: z.string().meta({ description: 'The chat id.', examples: ['491700000001@c.us'] }),
    status: itemStatusSchema,
    messageId: z.string().nullable().meta({ format: 'uuid' }),
    error: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'Why it was rejected, or its message failed.' }),
  })
  .meta({ id: 'CampaignItem' });

export function campaignToView(campaign: Campaign): z.output<typeof campaignSchema> {
  return {
    campaignId: campaign.id,
    accountId: campaign.accountId,
    name: campaign.name,
    status: campaign.status,
    total: campaign.total,
    createdAt: campaign.createdAt.toISOString(),
    endedAt: campaign.endedAt?.toISOString() ?? null,
  };
}

/** What lets the campaigns of an account go on, or holds them back. */
export interface CampaignPlight {
  readonly isConnected: boolean;
  /** The daily limit is used up until then. */
  readonly fullUntil: Date | null;
  /** The per-minute limit is used up until then. */
  readonly minuteFullUntil: Date | null;
}

/** What a campaign waits for, and until when if that is known. */
interface CampaignWait {
  readonly waitsFor: (typeof WAITS)[number] | null;
  readonly until: Date | null;
}

export function campaignToProgressView(
  campaign: Campaign,
  { counts, accepted }: { readonly counts: ItemCounts; readonly accepted: number },
  plight: CampaignPlight,
): z.output<typeof campaignProgressSchema> {
  const goesOn = campaign.status === 'running' && (counts.waiting ?? 0) > 0;
  const { waitsFor, until } = goesOn ? plightToWait(plight) : { waitsFor: null, until: null };
  const all = Object.fromEntries(ITEM_STATUSES.map((status) => [status, counts[status] ?? 0]));
  return {
    ...campaignToView(campaign),
    progress: countsToProgress(counts, accepted),
    counts: all as Record<(typeof ITEM_STATUSES)[number], number>,
    waitsFor,
    waitsUntil: until?.toISOString() ?? null,
  };
}

function plightToWait({ isConnected, fullUntil, minuteFullUntil }: CampaignPlight): CampaignWait {
  if (!isConnected) return { waitsFor: 'connection', until: null };
  if (fullUntil !== null) return { waitsFor: 'daily-limit', until: fullUntil };
  if (minuteFullUntil !== null) return { waitsFor: 'rate-limit', until: minuteFullUntil };
  return { waitsFor: null, until: null };
}

export function campaignItemToView(item: CampaignItem): z.output<typeof campaignItemViewSchema> {
  const { index, to, status, messageId, failure } = item;
  return {
    index,
    to,
    status,
    messageId,
    error: failure === null ? null : { code: failure.code, message: failure.reason },
  };
}
