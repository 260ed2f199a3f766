import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { type BareEnd, BareProcess } from './bare-process.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let profile: Profile;
let shop: Phone;

beforeAll(async () => {
  simulator = await startSimulator();
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
  await using driven = new DrivenClient(simulator, profile);
  await driven.link(shop);
});

afterAll(async () => {
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
});

afterEach(async () => {
  await simulator.world.faults.clear();
});

/** Node's end at a rejection that nobody handles. */
const endOf = (words: RegExp) => ({ code: 1, signal: null, words: expect.stringMatching(words) }) as BareEnd;

describe('a program that uses the library without a net', () => {
  it.each([
    ['a page without WhatsApp', { kind: 'page', mode: 'blank' }],
    ['a server that cuts the line', { kind: 'page', mode: 'reset' }],
  ] as const)(
    'ends, with every session it holds, when one page reloads into %s (A3, F14)',
    async (...args) => {
      await using bare = await new BareProcess(simulator, profile, { authTimeoutMs: 500 }).ready();
      await simulator.world.faults.set(args[1]);
      await shop.page({ do: 'reload' });
      expect(await bare.ended).toEqual(endOf(/auth timeout/));
      expect(bare.events.of('disconnected')).toEqual([]);
    },
  );

  it('ends when a client that is to take over is closed before it has (F18)', async () => {
    const settings = { takeoverOnConflict: true, takeoverTimeoutMs: 1_000 };
    await using bare = await new BareProcess(simulator, profile, settings).ready();
    void bare.begin({ do: 'destroy', on: 'change_state' });
    await shop.page({ do: 'state', state: 'CONFLICT' });
    expect(await bare.ended).toEqual(endOf(/detached Frame|Target closed|Session closed/i));
  });

  it('ends when it closes a client that was logged out, as any would (F20)', async () => {
    await using fresh = await Profile.open();
    const phone = await simulator.world.phone('logged out');
    await using bare = await new BareProcess(simulator, fresh).link(phone);
    void bare.begin({ do: 'destroy', on: 'disconnected' });
    await phone.logoutDevice();
    expect(await bare.ended).toEqual(endOf(/closed|destroyed|detached/i));
  });

  it('starts again within the handler of a disconnect only if the old browser is quick to close (F41)', async () => {
    await using bare = await new BareProcess(simulator, profile, { authTimeoutMs: 3_000 }).ready();
    void bare.begin({ do: 'stop-browser', on: 'disconnected' });
    const starting = bare.call({ do: 'initialize', on: 'disconnected' });
    await shop.page({ do: 'state', state: 'CONFLICT' });
    // Two browsers on one profile, of which the second cannot open its store.
    await expect(starting).rejects.toThrow(/auth timeout|already running/);
  });
});
