import { expect, it } from 'vitest';
import { openStage } from '../support/stage.ts';

const COUNT = 1_000;

interface Results {
  readonly results: readonly { readonly status: string; readonly messageId: string }[];
}

it('a request of 1,000 whose daemon is killed in the middle accepts each once when it is repeated', async () => {
  await using stage = await openStage({ env: { WHATSAPP_MESSAGE_RATE_LIMIT: '1' } });
  const alice = await stage.world.phone('alice');
  const accountId = await stage.link(await stage.world.phone('shop'));
  const texts = Array.from({ length: COUNT }, (_, nth) => `offer ${nth}`);
  const body = { items: texts.map((text) => ({ to: `+${alice.number}`, text })) };
  const sendAll = () =>
    stage.api.call<Results>('POST', `/accounts/${accountId}/messages/bulk`, body, {
      'idempotency-key': 'offers',
    });
  // Whatever comes of it, the next one has to answer the same.
  const first = Promise.allSettled([sendAll()]);
  await stage.api.message(accountId, 'The first message', ({ text }) => text === texts[0]);
  await stage.daemon().kill();
  await first;
  await stage.start();
  const { results } = await sendAll();
  expect(results.filter(({ status }) => status === 'accepted')).toHaveLength(COUNT);
  const stored = (await stage.api.messages(accountId)).toReversed();
  expect(stored.map(({ text }) => text)).toEqual(texts);
  expect(stored.map(({ messageId }) => messageId)).toEqual(results.map(({ messageId }) => messageId));
  expect((await sendAll()).results).toEqual(results);
});
