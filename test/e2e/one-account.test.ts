import { expect, it } from 'vitest';
import { openStage } from '../support/stage.ts';

it('keeps one account with its history while its link is replaced, ended on the phone and made again', async () => {
  await using stage = await openStage();
  const { world, api } = stage;
  const [alice, shop] = [await world.phone('alice'), await world.phone('shop')];
  const accountId = await stage.link(shop);
  const receives = async (text: string) => {
    await alice.send(shop, text);
    await api.message(accountId, text, (each) => each.text === text);
  };
  const rests = (code: string) =>
    api.until(code, async () => {
      const account = await api.account(accountId);
      return account.connectionStatus === 'Failed' && account.reason?.code === code ? account : undefined;
    });
  await receives('first');

  // The same link is opened in another place: a person's decision, so nobody takes it back by himself.
  await shop.page({ do: 'state', state: 'CONFLICT' });
  expect(await rests('replaced')).toMatchObject({ state: 'needs_human' });
  await alice.send(shop, 'while it was replaced');
  await api.call('POST', `/reconnect/${accountId}`, {});
  await api.reached(accountId, 'Connected');
  await api.message(accountId, 'what came meanwhile', ({ text }) => text === 'while it was replaced');

  await shop.logoutDevice();
  await rests('logged_out');
  await api.call('POST', `/reconnect/${accountId}`, {});
  await shop.scan(await api.qr(accountId));
  await api.reached(accountId, 'Connected');
  await receives('after the new link');

  expect(await api.call<unknown[]>('GET', '/accounts')).toHaveLength(1);
  const texts = (await api.messages(accountId)).map(({ text }) => text).toSorted();
  expect(texts).toEqual(['after the new link', 'first', 'while it was replaced']);
  expect(stage.browsers().length).toBeGreaterThan(0);
});
