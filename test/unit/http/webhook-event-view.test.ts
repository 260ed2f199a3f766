import { beforeAll, expect, it } from 'vitest';
import { WEBHOOK_EVENT_NAMES } from '../../../src/webhooks/event-types.ts';
import {
  type DeliveryCheck,
  makeDeliveryCheck,
  makeWebhookDocument,
  type WebhookDocument,
} from '../../support/openapi/delivery-check.ts';

let document: WebhookDocument;
let check: DeliveryCheck;
beforeAll(async () => {
  document = await makeWebhookDocument();
  check = makeDeliveryCheck(document);
}, 30_000);

it('the document tells of each event that can be subscribed to, and of the ping', () => {
  expect(Object.keys(document.webhooks).toSorted()).toEqual([...WEBHOOK_EVENT_NAMES, 'ping'].toSorted());
});

it.each([...WEBHOOK_EVENT_NAMES, 'ping'])(
  'the document has the headers of %s, and an example that is one',
  (type) => {
    const operation = document.webhooks[type]?.post;
    const headers = operation?.parameters?.map((each) => [each.in, each.name, each.required]);
    expect(headers).toEqual([
      ['header', 'webhook-id', true],
      ['header', 'webhook-timestamp', true],
      ['header', 'webhook-signature', true],
    ]);
    const example = operation?.requestBody?.content['application/json']?.example as { readonly type: string };
    expect(example.type).toBe(type);
    expect(check(example)).toBeUndefined();
  },
);

it('a body that lacks something, has something else, or is of no event is not what the document tells', () => {
  const data = { webhookId: '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10' };
  const ping = { type: 'ping', timestamp: '2026-01-31T08:00:00.000Z', data };
  expect(check(ping)).toBeUndefined();
  for (const wrong of [{}, { ...data, more: 1 }, { webhookId: 7 }])
    expect(check({ ...ping, data: wrong })).toBeDefined();
  expect(check({ ...ping, type: 'account.gone' })).toBeDefined();
});
