import type { Schemas } from '../client/client.ts';
import { waitMs } from '../lib/abort.ts';
import { ASK_EVERY_MS, askPatiently } from './patient-ask.ts';
import { instantText, textToCell } from './terminal-text.ts';

export type CampaignProgress = Schemas['CampaignProgress'];

/** The parts of a bar. */
const BAR_WIDTH = 30;
/** Every line fits into 80 columns: one that wraps would be counted wrongly when it is drawn over. */
const MAX_NAME = 60;

/** Why what was accepted has not left yet, where nothing else is the matter. */
const PACE = 'What was accepted leaves at the pace of the account (docs/limits.md).';

/**
 * Yields the campaign as it is, and again each time that something in it has changed, until nothing more of it will leave.
 * @throws AppError as the question does
 */
export async function* followCampaign(
  ask: () => Promise<CampaignProgress>,
  signal: AbortSignal,
): AsyncGenerator<CampaignProgress> {
  let told = '';
  for (;;) {
    const campaign = await askPatiently(ask, signal);
    const text = JSON.stringify(campaign);
    if (text !== told) yield campaign;
    if (isOver(campaign)) return;
    told = text;
    await waitMs(ASK_EVERY_MS, signal);
  }
}

/** It has ended, and none of its messages waits to leave. What became of those that left may still change. */
export function isOver({ endedAt, counts }: CampaignProgress): boolean {
  return endedAt !== null && !counts.pending && !counts.deferred;
}

/** What a person wants to know of it, in lines that fit into 80 columns. */
export function describeCampaign(campaign: CampaignProgress): string {
  const { name, status, progress } = campaign;
  const { sent, delivered, read, failed, cancelled } = progress;
  return [
    `${textToCell(name, MAX_NAME)}: ${status}`,
    ...describeWait(campaign),
    `${drawBar(campaign)} ${countSettled(campaign)} of ${progress.total}`,
    `${sent} sent, ${delivered} delivered, ${read} read, ${failed} failed, ${cancelled} cancelled`,
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function describeWait({ status, waitsFor, waitsUntil, counts }: CampaignProgress): readonly string[] {
  const until = waitsUntil === null ? '' : ` until ${instantText(waitsUntil)}`;
  switch (waitsFor) {
    case null:
      return status === 'running' && counts.pending ? [PACE] : [];
    case 'connection':
      return ['It waits until the account is connected.'];
    case 'daily-limit':
      return [`The daily limit is used up${until}.`];
    case 'rate-limit':
      return [`The limit per minute is used up${until}.`];
    default:
      return waitsFor satisfies never;
  }
}

/** Items with which nothing more is to be done, whatever came of them. */
function countSettled({ progress, counts }: CampaignProgress): number {
  return progress.total - progress.waiting - (counts.pending ?? 0) - (counts.deferred ?? 0);
}

function drawBar(campaign: CampaignProgress): string {
  const { total } = campaign.progress;
  const done = total === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * countSettled(campaign)) / total);
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}]`;
}
