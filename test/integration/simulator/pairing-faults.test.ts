import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let profile: Profile;
let driven: DrivenClient;
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
  await driven[Symbol.asyncDispose]();
  await profile[Symbol.asyncDispose]();
  await simulator.world.faults.clear();
});

/** A client that pairs by a code, and what becomes of each of its requests for one, of which it lets go. */
function pairByCode(intervalMs: number): Promise<string>[] {
  driven = new DrivenClient(simulator, profile, {
    pairWithPhoneNumber: { phoneNumber: shop.number, showNotification: true, intervalMs },
  });
  const { client } = driven;
  const requests: Promise<string>[] = [];
  const request = client.requestPairingCode.bind(client);
  client.requestPairingCode = (...args) => {
    const requested = request(...args);
    requests.push(requested);
    // It would end the process.
    requested.catch(() => undefined);
    return requested;
  };
  return requests;
}

describe('the library that pairs by a code', () => {
  it('lets go of a request that WhatsApp refuses: a rejection that nobody handles, and no event (A3, F42)', async () => {
    await simulator.world.faults.set({ kind: 'pairing-code', mode: 'refuse', count: 1 });
    const requests = pairByCode(180_000);
    await driven.client.initialize();
    await expect(requests[0]).rejects.toThrow('too many codes were asked for');
    expect(requests).toHaveLength(1);
    expect([...driven.events.of('code'), ...driven.events.of('auth_failure')]).toEqual([]);
    expect(await driven.client.getState()).toBe('UNPAIRED');
  });

  it('never says that WhatsApp does not answer (F42)', async () => {
    const fault = await simulator.world.faults.set({ kind: 'pairing-code', mode: 'hang', count: 1 });
    const requests = pairByCode(180_000);
    await driven.client.initialize();
    await simulator.world.waitFor({ fault: fault.id, struck: 1 });
    expect(await Promise.race([requests[0], Promise.resolve('nothing yet')])).toBe('nothing yet');
    expect([...driven.events.of('code'), ...driven.events.of('auth_failure')]).toEqual([]);
  });

  it('asks again by the clock, which takes the code before back, and anew in a page that reloads (F42)', async () => {
    const requests = pairByCode(300);
    await driven.client.initialize();
    const [first] = await driven.events.when('code');
    const [second] = await driven.events.when('code', (code: string) => code !== first);
    await expect(shop.enterCode(String(first))).rejects.toThrow('no page waits');
    expect(second).not.toBe(first);
    await simulator.world.page({ do: 'reload' });
    await driven.injected(2);
    expect(requests.length).toBeGreaterThan(1);
  });
});
