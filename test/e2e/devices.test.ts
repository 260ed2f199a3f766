import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { DrivenClient, Profile } from '../integration/simulator/driven-client.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { openStage, type Stage } from '../support/stage.ts';

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

let stage: Stage;
let alice: Phone;

beforeAll(async () => {
  stage = await openStage();
  alice = await stage.world.phone('alice');
});

afterAll(async () => {
  const missing = await stage.world.missingModules();
  expect(await stage.daemon().stop()).toBe(0);
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
});

const converses = async (accountId: string, shop: Phone, when: string) => {
  await alice.send(shop, `in ${when}`);
  await stage.api.message(accountId, `in ${when}`, ({ text }) => text === `in ${when}`);
  const messageId = await stage.api.send(accountId, { to: `+${alice.number}`, text: `out ${when}` });
  await stage.api.message(
    accountId,
    `out ${when}`,
    (message) => message.messageId === messageId && message.status === 'delivered',
  );
};

const pairingCode = (accountId: string, not?: string) =>
  stage.api.until('A pairing code', async () => {
    const path = `/pairing-code/${accountId}`;
    const { code } = await stage.api.call<{ code: string | null }>('GET', path);
    return code !== null && code !== not ? code : undefined;
  });

it('keeps one account with its history when it was replaced and is connected again (A13, F16)', async () => {
  const shop = await stage.world.phone('replaced');
  const accountId = await stage.link(shop);
  await converses(accountId, shop, 'before');
  await shop.page({ do: 'state', state: 'CONFLICT' });
  expect(await stage.api.reached(accountId, 'Failed')).toMatchObject({ reason: { code: 'replaced' } });
  const { id: missed } = await alice.send(shop, 'while it was replaced');
  await stage.api.call('POST', `/reconnect/${accountId}`);
  await stage.api.reached(accountId, 'Connected');
  await stage.api.message(accountId, 'what was missed', ({ whatsappMessageId }) =>
    Boolean(whatsappMessageId?.includes(missed)),
  );
  await converses(accountId, shop, 'after');
  expect(await settleWithTruth(stage.api, stage.world, { accountId, phone: shop })).toMatchObject(EQUAL);
  expect((await shop.view()).devices).toHaveLength(1);
  await stage.api.call('POST', `/disconnect/${accountId}`);
});

it('keeps one account with its history when a code links it again after a logout (A12, F19)', async () => {
  const shop = await stage.world.phone('paired');
  const phoneNumber = `+${shop.number}`;
  const { accountId } = await stage.api.call<{ accountId: string }>('POST', '/connect', {
    phoneNumber,
    displayName: 'Front desk',
    pairing: 'code',
  });
  const first = await pairingCode(accountId);
  // In the daemon's terminal too, as the phone shows its field for it.
  expect(stage.daemon().output()).toContain(`${first.slice(0, 4)}-${first.slice(4)}`);
  await shop.enterCode(first);
  await stage.api.reached(accountId, 'Connected');
  expect((await shop.view()).devices).toMatchObject([{ name: 'Switchboard (Front desk)' }]);
  await expect(pairingCode(accountId)).rejects.toMatchObject({ status: 409, code: 'ALREADY_LINKED' });
  await converses(accountId, shop, 'before');
  await shop.logoutDevice();
  expect(await stage.api.reached(accountId, 'Failed')).toMatchObject({ reason: { code: 'logged_out' } });
  await stage.api.call('POST', `/reconnect/${accountId}`);
  await shop.enterCode(await pairingCode(accountId, first));
  expect(await stage.api.reached(accountId, 'Connected')).toMatchObject({ id: accountId, phoneNumber });
  await converses(accountId, shop, 'after');
  expect(await settleWithTruth(stage.api, stage.world, { accountId, phone: shop })).toMatchObject(EQUAL);
  await stage.api.call('POST', `/disconnect/${accountId}`);
});

it('is not disturbed by another device of the same phone, and hears what that one sends', async () => {
  const shop = await stage.world.phone('with two');
  const accountId = await stage.link(shop);
  await converses(accountId, shop, 'alone');
  const { logins } = (await shop.view()).devices[0] ?? {};
  {
    await using profile = await Profile.open();
    await using other = new DrivenClient(stage.simulator, profile);
    await other.link(shop);
    await other.client.sendMessage(alice.jid, 'from the other device');
    await converses(accountId, shop, 'beside another');
    await stage.api.message(
      accountId,
      'what the other sent',
      ({ text, direction }) => text === 'from the other device' && direction === 'outgoing',
    );
    expect((await shop.view()).devices).toHaveLength(2);
  }
  await converses(accountId, shop, 'alone again');
  expect((await shop.view()).devices[0]).toMatchObject({ logins, name: `Switchboard (${shop.name})` });
  expect(await settleWithTruth(stage.api, stage.world, { accountId, phone: shop })).toMatchObject(EQUAL);
});

it('refuses a phone that another account has linked, and that one stays as it is', async () => {
  const shop = await stage.world.phone('wanted twice');
  const accountId = await stage.link(shop);
  const second = await stage.api.connect('a second account');
  await shop.scan(second.qr);
  const refused = await stage.api.reached(second.accountId, 'Disconnected');
  expect(refused).toMatchObject({ phoneNumber: null, reason: { code: 'already_linked' } });
  await converses(accountId, shop, 'after the other tried');
  expect((await shop.view()).devices).toHaveLength(1);
});
