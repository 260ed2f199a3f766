import { expect, it } from 'vitest';
import { openStage, type Stage } from '../support/stage.ts';

const COUNT = 120;
/** What has left when the daemon is killed. */
const BEFORE = 8;

interface CampaignView {
  readonly status: string;
  readonly progress: { readonly accepted: number; readonly delivered: number; readonly waiting: number };
  readonly waitsFor: string | null;
  readonly waitsUntil: string | null;
}

function readCampaign(stage: Stage, campaignId: string): Promise<CampaignView> {
  return stage.api.call('GET', `/campaigns/${campaignId}`);
}

async function textsOf(stage: Stage): Promise<string[]> {
  return (await stage.world.truth()).messages.flatMap(({ text }) => text ?? []);
}

it('a campaign whose daemon is killed goes on where it was, each message once and in order', async () => {
  await using stage = await openStage();
  const alice = await stage.world.phone('alice');
  const accountId = await stage.link(await stage.world.phone('shop'));
  const texts = Array.from({ length: COUNT }, (_, nth) => `offer ${nth}`);
  const body = { name: 'offers', items: texts.map((text) => ({ to: `+${alice.number}`, text })) };
  const { campaignId } = await stage.api.call<{ campaignId: string }>(
    'POST',
    `/accounts/${accountId}/campaigns`,
    body,
  );
  await stage.api.until('The first messages', async () => {
    const { length } = await textsOf(stage);
    return length >= BEFORE ? length : undefined;
  });
  await stage.daemon().kill();
  const atKill = (await textsOf(stage)).length;
  await stage.start();
  await stage.api.reached(accountId, 'Connected');
  const campaign = await stage.api.until('The delivery of all', async () => {
    const view = await readCampaign(stage, campaignId);
    return view.progress.delivered === COUNT ? view : undefined;
  });
  expect(atKill).toBeLessThan(COUNT);
  expect(campaign).toMatchObject({ status: 'completed', progress: { accepted: COUNT, waiting: 0 } });
  expect(await textsOf(stage)).toEqual(texts);
});

it('a paused campaign lets but a few messages leave, and a single message waits for no more than these', async () => {
  await using stage = await openStage({ env: { WHATSAPP_MESSAGE_RATE_LIMIT: '2' } });
  const alice = await stage.world.phone('alice');
  const bob = await stage.world.phone('bob');
  const accountId = await stage.link(await stage.world.phone('shop'));
  const items = Array.from({ length: 500 }, (_, nth) => ({ to: `+${alice.number}`, text: `offer ${nth}` }));
  const { campaignId } = await stage.api.call<{ campaignId: string }>(
    'POST',
    `/accounts/${accountId}/campaigns`,
    { name: 'offers', items },
  );
  await stage.api.until('What the minute has room for, and a few that wait', async () => {
    const view = await readCampaign(stage, campaignId);
    return view.progress.accepted >= 6 ? view : undefined;
  });
  // When the earliest of the two that left is a minute ago.
  const { waitsFor, waitsUntil } = await readCampaign(stage, campaignId);
  const handedAt = (await stage.api.messages(accountId)).flatMap((message) => message.handedAt ?? []);
  expect([waitsFor, waitsUntil]).toEqual([
    'rate-limit',
    new Date(Math.min(...handedAt.map(Date.parse)) + 60_000).toISOString(),
  ]);
  await stage.api.send(accountId, { to: `+${bob.number}`, text: 'an answer' });
  const ahead = (await stage.api.messages(accountId)).filter(
    ({ text, handedAt }) => handedAt === null && text !== 'an answer',
  );
  expect(ahead).toHaveLength(4);
  expect((await stage.api.call<CampaignView>('POST', `/campaigns/${campaignId}/pause`)).status).toBe(
    'paused',
  );
  const cancelled = await stage.api.call<CampaignView>('POST', `/campaigns/${campaignId}/cancel`);
  expect(cancelled).toMatchObject({ status: 'cancelled', progress: { waiting: 0 } });
  const left = (await stage.api.messages(accountId)).filter(
    ({ status, handedAt }) => status === 'pending' && handedAt === null,
  );
  expect(left.map(({ text }) => text)).toEqual(['an answer']);
});
