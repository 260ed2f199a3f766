import { expect, it } from 'vitest';
import { ApiError } from '../../scripts/daemon-api.ts';
import { openStage } from '../support/stage.ts';

const LIMIT = 3;

/** A time zone in which it is another date than in UTC now. */
function zoneOfAnotherDate(): string {
  return new Date().getUTCHours() < 11 ? 'Pacific/Pago_Pago' : 'Pacific/Kiritimati';
}

it('sends exactly the daily limit of a flood, and as many of what waited on the next date', async () => {
  await using stage = await openStage({ env: { WHATSAPP_DAILY_LIMIT: String(LIMIT) } });
  const alice = await stage.world.phone('alice');
  const accountId = await stage.link(await stage.world.phone('shop'));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, nth) =>
      stage.api.send(accountId, {
        to: `+${alice.number}`,
        text: String(nth),
        onLimit: nth < 10 ? 'reject' : 'defer',
      }),
    ),
  );
  const refusals = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  for (const refusal of refusals) {
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({ status: 429, code: 'DAILY_LIMIT_EXCEEDED' });
  }
  const accepted = (await stage.api.messages(accountId)).toReversed();
  expect(accepted).toHaveLength(20 - refusals.length);

  async function expectCarried(count: number): Promise<void> {
    const last = accepted[count - 1];
    await stage.api.message(accountId, `delivery of ${last?.text}`, ({ messageId, status }) => {
      return messageId === last?.messageId && status === 'delivered';
    });
    const { messages } = await stage.world.truth();
    expect(messages.map(({ text }) => text)).toEqual(accepted.slice(0, count).map(({ text }) => text));
    const rest = (await stage.api.messages(accountId)).filter(({ status }) => status === 'deferred');
    expect(rest).toHaveLength(accepted.length - count);
  }

  await expectCarried(LIMIT);
  // Another date, after a restart.
  await stage.daemon().stop();
  await stage.start();
  await stage.api.call('PATCH', `/accounts/${accountId}`, { timezone: zoneOfAnotherDate() });
  await expectCarried(2 * LIMIT);
});
