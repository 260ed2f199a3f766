import { expect, it } from 'vitest';
import { openStage } from '../support/stage.ts';

it('hands no more messages over a minute than WHATSAPP_MESSAGE_RATE_LIMIT; the others wait, and none is refused', async () => {
  await using stage = await openStage({ env: { WHATSAPP_MESSAGE_RATE_LIMIT: '2' } });
  const alice = await stage.world.phone('alice');
  const accountId = await stage.link(await stage.world.phone('shop'));
  const ids: string[] = [];
  for (const text of ['1', '2', '3', '4']) {
    ids.push(await stage.api.send(accountId, { to: `+${alice.number}`, text }));
  }
  for (const text of ['1', '2']) {
    await stage.api.message(accountId, `delivery of ${text}`, (each) => {
      return each.text === text && each.status === 'delivered';
    });
  }
  const { messages: carried } = await stage.world.truth();
  expect(carried.map(({ text }) => text)).toEqual(['1', '2']);
  const waiting = (await stage.api.messages(accountId)).filter(({ status }) => status === 'pending');
  expect(waiting.map(({ text, handedAt }) => ({ text, handedAt }))).toEqual([
    { text: '4', handedAt: null },
    { text: '3', handedAt: null },
  ]);
  expect(waiting.map(({ messageId }) => messageId)).toEqual([ids[3], ids[2]]);
});
