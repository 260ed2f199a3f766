import { beforeAll, describe, expect, it } from 'vitest';
import type { AccountId, TenantId } from '../../../src/accounts/ids.ts';
import { REASONS } from '../../../src/accounts/reason.ts';
import type { AccountNews } from '../../../src/db/change-feed-store.ts';
import type { ToldChange } from '../../../src/webhooks/account-fold.ts';
import {
  eventToPayload,
  newsToAccountEvent,
  stateToEvent,
  type WebhookEventData,
} from '../../../src/webhooks/event.ts';
import {
  type DeliveryCheck,
  makeDeliveryCheck,
  makeWebhookDocument,
} from '../../support/openapi/delivery-check.ts';

const ACCOUNT = '11111111-1111-4111-8111-111111111111' as AccountId;
const TENANT = 'shop' as TenantId;
const AT = new Date('2026-01-31T08:00:00.000Z');
const BANNED = {
  code: 'banned',
  text: REASONS.banned.text,
  userAction: REASONS.banned.userAction,
};

let check: DeliveryCheck;
beforeAll(async () => {
  check = makeDeliveryCheck(await makeWebhookDocument());
}, 30_000);

function news(rest: Pick<AccountNews, 'kind'> & Partial<AccountNews>): AccountNews {
  const nothing = { state: null, reason: null, attempt: null, text: null, data: null };
  return { id: '7', tenantId: TENANT, accountId: ACCOUNT, ...nothing, at: AT, xid: '1', ...rest };
}

const bodyOf = (event: WebhookEventData | undefined) => event && JSON.parse(eventToPayload(event));

describe('news of an account', () => {
  it.each<[string, Parameters<typeof news>[0], string, object]>([
    [
      'a change of its health',
      { kind: 'health', data: { health: 'Warning', sentToday: 7, dailyLimit: 10 } },
      'account.health',
      { healthStatus: 'Warning', usagePercentage: 70, messagesSentToday: 7, dailyLimit: 10 },
    ],
    [
      'a health that is of the connection',
      { kind: 'health', data: { health: 'Critical', sentToday: 0, dailyLimit: 1_000 } },
      'account.health',
      { healthStatus: 'Critical', usagePercentage: 0, messagesSentToday: 0, dailyLimit: 1_000 },
    ],
    [
      '70 % of its daily limit',
      { kind: 'limit', data: { percent: 70, sentToday: 5, dailyLimit: 7 } },
      'account.limit',
      { percent: 70, usagePercentage: 71.43, messagesSentToday: 5, dailyLimit: 7 },
    ],
    [
      '90 % of its daily limit',
      { kind: 'limit', data: { percent: 90, sentToday: 9, dailyLimit: 10 } },
      'account.limit',
      { percent: 90, usagePercentage: 90, messagesSentToday: 9, dailyLimit: 10 },
    ],
    [
      'attempts that fail',
      { kind: 'alert', reason: 'banned', text: 'reconnect_failing: Five times: no way.' },
      'account.critical',
      { kind: 'reconnect_failing', reason: BANNED, text: 'Five times: no way.' },
    ],
    [
      'connections that do not last, for a reason that is not known here',
      { kind: 'alert', reason: 'of_tomorrow', text: 'flapping: Again and again.' },
      'account.critical',
      { kind: 'flapping', reason: null, text: 'Again and again.' },
    ],
  ])('%s is told with its time and what there is to know', (_what, told, type, data) => {
    const event = newsToAccountEvent(news(told));
    expect(bodyOf(event)).toEqual({
      type,
      timestamp: '2026-01-31T08:00:00.000Z',
      data: { accountId: ACCOUNT, ...data },
    });
    expect(check(bodyOf(event))).toBeUndefined();
    expect(event).toMatchObject({ tenantId: TENANT, accountId: ACCOUNT, lane: ACCOUNT, at: AT, xid: '1' });
  });

  it.each<[string, Parameters<typeof news>[0]]>([
    ['a state, which is told once it is known to last', { kind: 'state', state: 'reconnecting' }],
    ['that it needs a human, which is a state', { kind: 'alert', text: 'needs_human: Scan it.' }],
    ['an alert of a kind that is not known here', { kind: 'alert', text: 'of_tomorrow: Hm.' }],
  ])('%s, is not told of by itself', (_what, told) => {
    expect(newsToAccountEvent(news(told))).toBeUndefined();
  });

  it('has an id by its number: the same however often it is read, and another for other news', () => {
    const [first, again, other] = ['7', '7', '8'].map((id) =>
      newsToAccountEvent(news({ id, kind: 'limit', data: { percent: 70, sentToday: 7, dailyLimit: 10 } })),
    );
    expect(again?.id).toBe(first?.id);
    expect(other?.id).not.toBe(first?.id);
  });
});

describe('a state of an account', () => {
  it.each<[ToldChange['state'], ToldChange['reason'], string, object | null]>([
    ['connected', null, 'Connected', null],
    ['reconnecting', null, 'Reconnecting', null],
    ['needs_human', 'banned', 'Failed', BANNED],
    [
      'disconnected',
      'user_disconnected',
      'Disconnected',
      expect.objectContaining({ code: 'user_disconnected' }),
    ],
  ])('%s is told under its name, with the reason and since when', (state, reason, connectionStatus, told) => {
    const event = stateToEvent({ tenantId: TENANT, accountId: ACCOUNT }, { state, reason, at: AT.getTime() });
    expect(bodyOf(event)).toEqual({
      type: `account.${state}`,
      timestamp: '2026-01-31T08:00:00.000Z',
      data: { accountId: ACCOUNT, connectionStatus, state, reason: told, since: '2026-01-31T08:00:00.000Z' },
    });
    expect(check(bodyOf(event))).toBeUndefined();
  });
});
