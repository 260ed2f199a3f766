import { describe, expect, it } from 'vitest';
import { makeAskEndpoint } from '../../../src/webhooks/endpoint-request.ts';
import { openWebhookConsumer } from '../../support/webhook-consumer.ts';

const { signal } = new AbortController();
const request = (url: string) => ({ url, headers: { 'webhook-id': 'evt_1' }, body: '{"type":"ping"}' });

describe('a request to an endpoint', () => {
  it.each([['https://127.0.0.1:9/'], ['https://10.0.0.1/'], ['http://1.1.1.1/']])(
    'is not made to %s',
    async (url) => {
      const ask = makeAskEndpoint({ allowPrivate: false });
      expect(await ask(request(url), signal)).toMatchObject({
        isTaken: false,
        status: null,
        error: expect.stringContaining('WEBHOOK_ALLOW_PRIVATE'),
      });
    },
  );

  it('is not made to a name that has become a private address since', async () => {
    await using consumer = await openWebhookConsumer();
    const port = new URL(consumer.url).port;
    let looks = 0;
    const ask = makeAskEndpoint({
      allowPrivate: false,
      resolve: async () => {
        looks += 1;
        return [{ address: '127.0.0.1', family: 4 }];
      },
    });
    const outcome = await ask(request(`https://shop.example:${port}/`), signal);
    expect(outcome.error).toMatch(/not on the public Internet/);
    expect(looks).toBe(1);
    expect(consumer.requests).toEqual([]);
  });

  it('keeps a short part of a refusal, on one line', async () => {
    await using consumer = await openWebhookConsumer();
    consumer.answer = () => 401;
    const ask = makeAskEndpoint({ allowPrivate: true });
    expect(await ask(request(consumer.url), signal)).toEqual({
      isTaken: false,
      status: 401,
      error: 'The endpoint answered 401. not today',
    });
  });

  it('follows no redirect, and waits for nobody longer than it may', async () => {
    await using consumer = await openWebhookConsumer();
    consumer.answer = () => 'redirect';
    const ask = makeAskEndpoint({ allowPrivate: true, deadlineMs: 100 });
    expect(await ask(request(consumer.url), signal)).toMatchObject({ isTaken: false, status: 307 });
    consumer.answer = () => 'hang';
    expect((await ask(request(consumer.url), signal)).error).toBe('There was no answer within 0.1 s.');
    await consumer.die();
    expect((await ask(request(consumer.url), signal)).error).toMatch(/ECONNREFUSED/);
  });
});
