import type { CampaignProgress } from '../../src/cli/campaign-progress.ts';
import { countsToProgress, ITEM_STATUSES, type ItemCounts } from '../../src/messages/campaign.ts';

/** A campaign as the API tells of it, with so many items of each status. */
export function makeCampaignProgress(
  counts: ItemCounts,
  status: CampaignProgress['status'] = 'running',
): CampaignProgress {
  const progress = countsToProgress(counts, 0);
  const all = Object.fromEntries(ITEM_STATUSES.map((each) => [each, counts[each] ?? 0]));
  return {
    campaignId: '11111111-1111-4111-8111-111111111111',
    accountId: '22222222-2222-4222-8222-222222222222',
    name: 'May',
    status,
    total: progress.total,
    createdAt: '2026-01-31T08:00:00.000Z',
    endedAt: status === 'running' ? null : '2026-01-31T09:00:00.000Z',
    progress,
    counts: all,
    waitsFor: null,
    waitsUntil: null,
  };
}
