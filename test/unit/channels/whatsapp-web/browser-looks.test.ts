import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { BrowserLooks } from '../../../../src/channels/whatsapp-web/browser-looks.ts';
import type { MarkedBrowser } from '../../../../src/channels/whatsapp-web/browser-process.ts';

const HERE = parseInstanceId('here');

const browserOf = (accountId: AccountId, instanceId: string | null = HERE): MarkedBrowser => ({
  process: { pid: 1, startedAt: '1' },
  profilePath: `/profiles/${accountId}`,
  accountId,
  instanceId,
});

/** A machine with these browsers; `onLook` is called in the middle of each look, when what it sees is settled. */
class Machine {
  browsers: MarkedBrowser[] = [];
  looks = 0;
  onLook: () => void = () => undefined;
  readonly looking = new BrowserLooks({
    instanceId: HERE,
    list: () => {
      this.looks += 1;
      const seen = [...this.browsers];
      this.onLook();
      return seen;
    },
  });
}

it('tells of an account whether a browser of this instance lives', async () => {
  const machine = new Machine();
  const [mine, theirs, unnamed, none] = [
    makeAccountId(),
    makeAccountId(),
    makeAccountId(),
    makeAccountId(),
  ] as const;
  machine.browsers = [browserOf(mine), browserOf(theirs, 'there'), browserOf(unnamed, null)];
  const found = await Promise.all([mine, theirs, unnamed, none].map((id) => machine.looking.has(id)));
  expect(found).toEqual([true, false, false, false]);
});

it('looks once for a thousand who ask in one turn, however many steps each of them has taken before', async () => {
  const machine = new Machine();
  const living = makeAccountId();
  machine.browsers = [browserOf(living)];
  const accounts = [living, ...Array.from({ length: 999 }, () => makeAccountId())];
  const found = await Promise.all(
    accounts.map(async (id, nth) => {
      for (let step = 0; step < nth % 10; step += 1) await undefined;
      return await machine.looking.has(id);
    }),
  );
  expect(machine.looks).toBe(1);
  expect(found.filter(Boolean)).toHaveLength(1);
  expect(found[0]).toBe(true);
});

it('sees what was launched, or ended, after somebody else has asked and before the look', async () => {
  const machine = new Machine();
  const [ended, launched] = [makeAccountId(), makeAccountId()];
  machine.browsers = [browserOf(ended)];
  const first = machine.looking.has(ended);
  machine.browsers = [browserOf(launched)];
  expect(await Promise.all([first, machine.looking.has(launched)])).toEqual([false, true]);
  expect(machine.looks).toBe(1);
});

it('answers nobody from a look that has begun before the question', async () => {
  const machine = new Machine();
  const accountId = makeAccountId();
  const late: Promise<boolean>[] = [];
  // The look under way has seen nothing by then.
  machine.onLook = () => {
    machine.onLook = () => undefined;
    machine.browsers = [browserOf(accountId)];
    late.push(machine.looking.has(accountId));
  };
  expect(await machine.looking.has(accountId)).toBe(false);
  expect(await Promise.all(late)).toEqual([true]);
  expect(machine.looks).toBe(2);
});

it('looks again for whoever asks as soon as a look has answered', async () => {
  const machine = new Machine();
  const accountId = makeAccountId();
  expect(await machine.looking.has(accountId)).toBe(false);
  machine.browsers = [browserOf(accountId)];
  expect(await machine.looking.has(accountId)).toBe(true);
  machine.browsers = [];
  await setImmediate();
  expect(await machine.looking.has(accountId)).toBe(false);
  expect(machine.looks).toBe(3);
});

it('fails all who share a look that fails, and looks again for the next', async () => {
  const machine = new Machine();
  machine.onLook = () => {
    throw new Error('No such folder.');
  };
  const shared = await Promise.allSettled([
    machine.looking.has(makeAccountId()),
    machine.looking.has(makeAccountId()),
  ]);
  expect(shared.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  machine.onLook = () => undefined;
  expect(await machine.looking.has(makeAccountId())).toBe(false);
});
