import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { BareProcess } from './bare-process.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let profile: Profile;
let shop: Phone;

beforeAll(async () => {
  simulator = await startSimulator();
});

afterAll(async () => {
  await simulator[Symbol.asyncDispose]();
});

beforeEach(async () => {
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
});

afterEach(async () => {
  await profile[Symbol.asyncDispose]();
  await simulator.world.faults.clear();
});

/** Tells the library to pair by a code. */
const byCode = (intervalMs = 180_000) => ({
  pairWithPhoneNumber: { phoneNumber: shop.number, showNotification: true, intervalMs },
});

describe('the library that pairs by a code', () => {
  it('lets go of a request that WhatsApp refuses, which ends the program (A3, F42)', async () => {
    await simulator.world.faults.set({ kind: 'pairing-code', mode: 'refuse', count: 1 });
    await using bare = new BareProcess(simulator, profile, byCode());
    void bare.begin({ do: 'initialize' }).catch(() => undefined);
    expect(await bare.ended).toEqual({
      code: 1,
      signal: null,
      words: expect.stringContaining('too many codes were asked for'),
    });
  });

  it('says nothing when WhatsApp does not answer (F42)', async () => {
    const fault = await simulator.world.faults.set({ kind: 'pairing-code', mode: 'hang', count: 1 });
    await using driven = new DrivenClient(simulator, profile, byCode());
    const { client } = driven;
    const request = client.requestPairingCode.bind(client);
    // It fails when the browser is closed, after the test.
    client.requestPairingCode = (...args) => request(...args).catch(() => 'closed');
    await client.initialize();
    await simulator.world.waitFor({ fault: fault.id, struck: 1 });
    expect(await client.getState()).toBe('UNPAIRED');
    expect(['qr', 'code', 'auth_failure'].flatMap((name) => driven.events.of(name as 'code'))).toEqual([]);
  });

  it('asks again by a clock, which takes the code before back (F42)', async () => {
    await using driven = new DrivenClient(simulator, profile, byCode(300));
    await driven.client.initialize();
    const [first] = await driven.events.when('code');
    await driven.events.when('code', (code: string) => code !== first);
    await expect(shop.enterCode(String(first))).rejects.toThrow('no page waits');
  });
});
