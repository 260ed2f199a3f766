import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { openEmbeddedDatabase } from '../support/embedded-database.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { findProcesses, openStage, type Stage } from '../support/stage.ts';
import { findAllFalseSteps } from '../support/state-history.ts';

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

let stage: Stage;
let alice: Phone;

beforeAll(async () => {
  stage = await openStage();
  alice = await stage.world.phone('alice');
});

afterAll(async () => {
  const missing = await stage.world.missingModules();
  const output = stage.daemon().output();
  expect(await stage.daemon().stop()).toBe(0);
  expect(stage.browsers()).toEqual([]);
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
  expect(output).not.toMatch(/nobody caught|belongs to no session|unhandled/i);
});

const receives = async (accountId: string, shop: Phone, text: string) => {
  await alice.send(shop, text);
  await stage.api.message(accountId, text, (message) => message.text === text);
};

it('says that it was unlinked on the phone, and a new scan continues the account with its history (A12, F19)', async () => {
  const shop = await stage.world.phone('unlinked');
  const accountId = await stage.link(shop);
  await receives(accountId, shop, 'before the unlink');
  await shop.logoutDevice();
  expect(await stage.api.reached(accountId, 'Failed')).toMatchObject({
    state: 'needs_human',
    reason: { code: 'logged_out', userAction: 'Reconnect the account and scan the new QR code.' },
  });
  const refused = stage.api.send(accountId, { to: `+${alice.number}`, text: 'nobody is there' });
  await expect(refused).rejects.toMatchObject({ status: 409, code: 'ACCOUNT_NOT_CONNECTED' });
  await stage.api.call('POST', `/reconnect/${accountId}`);
  await shop.scan(await stage.api.qr(accountId));
  await stage.api.reached(accountId, 'Connected');
  await receives(accountId, shop, 'after the unlink');
  const texts = (await stage.api.messages(accountId)).map(({ text }) => text);
  expect(texts).toContain('before the unlink');
  await stage.api.call('POST', `/disconnect/${accountId}`);
});

it('leaves no browser when it is killed, and is back without a scan (A11, F28)', async () => {
  const shop = await stage.world.phone('killed');
  const accountId = await stage.link(shop);
  await stage.daemon().kill();
  const missed = await alice.send(shop, 'while nobody was there');
  await stage.start();
  await stage.api.reached(accountId, 'Connected');
  await stage.api.message(accountId, 'the missed message', (message) =>
    Boolean(message.whatsappMessageId?.includes(missed.id)),
  );
  expect(await settleWithTruth(stage.api, stage.world, { accountId, phone: shop })).toMatchObject(EQUAL);
  const roots = findProcesses(`session-${accountId} `).filter((line) => !line.includes('--type='));
  expect(roots).toHaveLength(1);
  await stage.api.call('POST', `/disconnect/${accountId}`);
});

it('stops with code 0 in the middle of a start and in the middle of a scan, and leaves no browser (F27, F32)', async () => {
  const shop = await stage.world.phone('interrupted');
  const accountId = await stage.link(shop);
  await stage.api.connect('waiting for a scan');
  expect(await stage.daemon().stop()).toBe(0);
  expect(stage.browsers()).toEqual([]);
  await stage.start();
  expect(await stage.daemon().stop('SIGINT')).toBe(0);
  expect(stage.browsers()).toEqual([]);
  await stage.start();
  await stage.api.reached(accountId, 'Connected');
  await receives(accountId, shop, 'after all those starts');
});

it('has kept a history of each account in which every step is one of the specification', async () => {
  await using opened = openEmbeddedDatabase(stage);
  expect(await findAllFalseSteps(opened.db)).toEqual([]);
  const kinds = await opened.db.selectFrom('session_events').select('state').distinct().execute();
  const states = kinds.map(({ state }) => state);
  expect(states).toEqual(expect.arrayContaining(['needs_human', 'closing', 'disconnected', 'connected']));
});
