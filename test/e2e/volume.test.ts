import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { scaled } from '../support/scale.ts';
import { openStage, type Stage } from '../support/stage.ts';

const BURST = 200;
/** Bursts for each of the three accounts. */
const BURSTS = scaled(4, 40);
/** Outgoing texts and media for each account. */
const TEXTS = scaled(90, 900);
const MEDIA = scaled(10, 100);

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };
const DIALECTS = [
  { ids: '_serialized', addresses: 'phone' },
  { ids: '$1', addresses: 'phone' },
  { ids: '$1', addresses: 'lid' },
] as const;

let stage: Stage;
const accounts: { accountId: string; phone: Phone }[] = [];
let alice: Phone;

beforeAll(async () => {
  stage = await openStage({ env: { WHATSAPP_DAILY_LIMIT: '10000' } });
  alice = await stage.world.phone('alice');
  for (const [index, dialect] of DIALECTS.entries()) {
    const phone = await stage.world.phone(`shop-${index}`, dialect);
    accounts.push({ accountId: await stage.link(phone), phone });
  }
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

async function receive({ phone }: { phone: Phone }, text: string, bursts: number): Promise<void> {
  for (let burst = 0; burst < bursts; burst += 1) {
    await stage.world.burst({
      from: ['alice', 'bob', 'carol'],
      to: phone,
      count: BURST,
      text: `${text} ${burst}-`,
      duplicateEvery: 10,
      duplicateAs: burst % 2 === 0 ? 'network' : 'event',
      ackFirstEvery: 7,
    });
  }
}

async function send({ accountId }: { accountId: string }): Promise<Map<string, Buffer>> {
  const media = new Map<string, Buffer>();
  const to = `+${alice.number}`;
  for (let n = 0; n < TEXTS; n += 1) await stage.api.send(accountId, { to, text: `out ${n}` });
  for (let n = 0; n < MEDIA; n += 1) {
    const bytes = randomBytes(20_000);
    const body = {
      to,
      media: { data: bytes.toString('base64'), mimeType: 'application/pdf' },
      caption: `file ${n}`,
    };
    media.set(await stage.api.send(accountId, body), bytes);
  }
  return media;
}

it('stores what comes and sends what is asked exactly once, three accounts at a time, in every dialect', async () => {
  const work = accounts.map(async (account) => {
    const [sent] = await Promise.all([send(account), receive(account, 'in', BURSTS)]);
    const result = await settleWithTruth(stage.api, stage.world, account);
    expect(result).toMatchObject(EQUAL);
    expect(result.carried).toBe(BURSTS * BURST + TEXTS + MEDIA);
    const carried = new Map((await stage.world.truth()).messages.map((each) => [each.id, each]));
    for (const message of await stage.api.messages(account.accountId)) {
      const bytes = sent.get(message.messageId);
      const bareId = message.whatsappMessageId?.split('_')[2] ?? '';
      if (!bytes) continue;
      expect(carried.get(bareId)?.mediaHash).toBe(createHash('sha256').update(bytes).digest('base64'));
    }
  });
  await Promise.all(work);
});

it('loses nothing that comes while it is stopped, and needs no scan', async () => {
  await stage.daemon().stop();
  for (const account of accounts) await receive(account, 'meanwhile', 1);
  await stage.start();
  for (const account of accounts) {
    await stage.api.reached(account.accountId, 'Connected');
    expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject(EQUAL);
  }
});

it('loses and doubles nothing when it is killed while messages flow', async () => {
  const flowing = accounts.map((account) => receive(account, 'during', 1));
  await stage.api.send(accounts[0]?.accountId ?? '', { to: `+${alice.number}`, text: 'on the edge' });
  await stage.daemon().kill();
  await Promise.all(flowing);
  await stage.start();
  for (const account of accounts) {
    await stage.api.reached(account.accountId, 'Connected');
    expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject(EQUAL);
  }
  const { messages } = await stage.world.truth();
  expect(messages.filter((each) => each.text === 'on the edge')).toHaveLength(1);
});
