import type { AccountId, CampaignId, MessageId } from '../accounts/ids.ts';
import type { MessageStatus } from './message.ts';

/**
 * running: its items are accepted one after another. paused: none is, until it is resumed. completed: each was accepted or
 * rejected. cancelled: those that were not will never be.
 */
export const CAMPAIGN_STATUSES = ['running', 'paused', 'completed', 'cancelled'] as const;
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];

/** A named batch of sends of an account. */
export interface Campaign {
  readonly id: CampaignId;
  readonly accountId: AccountId;
  readonly name: string;
  readonly status: CampaignStatus;
  readonly total: number;
  readonly createdAt: Date;
  /** When it was completed or cancelled. */
  readonly endedAt: Date | null;
}

/** Where an item is: not accepted (and never, once cancelled), not acceptable, or where its message is. */
export const ITEM_STATUSES = [
  'waiting',
  'rejected',
  'pending',
  'deferred',
  'sent',
  'delivered',
  'read',
  'played',
  'failed',
  'unknown',
  'cancelled',
  'deleted',
] as const satisfies readonly (MessageStatus | 'waiting' | 'rejected' | 'deleted')[];
export type ItemStatus = (typeof ITEM_STATUSES)[number];

/** An item, as far as it has come. */
export interface CampaignItem {
  readonly index: number;
  /** The chat id that was asked for. */
  readonly to: string;
  readonly status: ItemStatus;
  readonly messageId: MessageId | null;
  readonly failure: { readonly code: string; readonly reason: string } | null;
}

/** How many items are where. */
export type ItemCounts = Readonly<Partial<Record<ItemStatus, number>>>;

export interface CampaignProgress {
  readonly total: number;
  readonly waiting: number;
  /** Items that have become messages. */
  readonly accepted: number;
  /** Messages that have come at least so far. */
  readonly sent: number;
  readonly delivered: number;
  readonly read: number;
  /** Rejected items, and messages that failed. */
  readonly failed: number;
  readonly cancelled: number;
}

/** The progress that the counts come to; `acceptedCount` of the items have a message. */
export function countsToProgress(counts: ItemCounts, acceptedCount: number): CampaignProgress {
  const sum = (...statuses: readonly ItemStatus[]) =>
    statuses.reduce((total, status) => total + (counts[status] ?? 0), 0);
  return {
    total: sum(...ITEM_STATUSES),
    waiting: sum('waiting'),
    accepted: acceptedCount,
    sent: sum('sent', 'delivered', 'read', 'played'),
    delivered: sum('delivered', 'read', 'played'),
    read: sum('read', 'played'),
    failed: sum('rejected', 'failed'),
    cancelled: sum('cancelled'),
  };
}
