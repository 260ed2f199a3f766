import { expect, it } from 'vitest';
import { makeAccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { AccountTurns } from '../../../../src/channels/whatsapp-web/account-turns.ts';
import { BrowserLooks } from '../../../../src/channels/whatsapp-web/browser-looks.ts';
import { Slots } from '../../../../src/channels/whatsapp-web/slots.ts';
import { GrantedLeases } from '../../../support/granted-leases.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

/** Accounts without a session, whose snapshots others find; what their browsers are is told by `browsers`. */
function open(browsers: Pick<BrowserLooks, 'has'>) {
  const leases = new GrantedLeases();
  const slots = new Slots(2_000);
  const log = new RecordingLogger();
  const turns = new AccountTurns({
    leases,
    slots,
    profiles: { copied: async () => undefined, isCopied: () => true },
    browsers,
    log,
    signal: new AbortController().signal,
  });
  return { leases, slots, turns, log };
}

it('looks at the machine once for a thousand accounts that are given back together', async () => {
  let looks = 0;
  const list = () => {
    looks += 1;
    return [];
  };
  const { leases, turns } = open(new BrowserLooks({ instanceId: parseInstanceId('here'), list }));
  const accountIds = Array.from({ length: 1_000 }, () => makeAccountId());
  for (const accountId of accountIds) await leases.take(accountId);
  await Promise.all(accountIds.map((accountId) => turns.releaseUnused(accountId)));
  expect(looks).toBe(1);
  expect(leases.held).toEqual([]);
});

it('keeps the lease of an account that is started while its browser is looked for', async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<boolean>();
  const { leases, slots, turns } = open({
    has: () => {
      asked.resolve();
      return answer.promise;
    },
  });
  const accountId = makeAccountId();
  await leases.take(accountId);
  turns.giveBack(accountId);
  await asked.promise;
  const slot = slots.enter(accountId);
  answer.resolve(false);
  await turns.idle();
  expect(leases.held).toEqual([accountId]);
  slots.leave(accountId, slot);
});

it('keeps the leases of accounts whose browsers cannot be looked for, and gives them back when they can', async () => {
  let isBlind = true;
  const list = () => {
    if (isBlind) throw new Error('EMFILE: too many open files');
    return [];
  };
  const { leases, turns, log } = open(new BrowserLooks({ instanceId: parseInstanceId('here'), list }));
  const accountIds = [makeAccountId(), makeAccountId()];
  for (const accountId of accountIds) await leases.take(accountId);
  for (const accountId of accountIds) turns.giveBack(accountId);
  await turns.idle();
  await Promise.all(accountIds.map((accountId) => turns.releaseUnused(accountId)));
  expect(leases.held).toEqual(accountIds);
  expect(log.lines).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      fields: { accountId: accountIds[0], error: 'EMFILE: too many open files' },
    }),
  );

  isBlind = false;
  await Promise.all(accountIds.map((accountId) => turns.releaseUnused(accountId)));
  expect(leases.held).toEqual([]);
});
