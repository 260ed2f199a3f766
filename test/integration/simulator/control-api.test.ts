import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectWorld, type Simulator, startSimulator } from '../../../simulator/client.ts';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator();
});

afterAll(async () => {
  await simulator[Symbol.asyncDispose]();
});

async function call(method: string, path: string, body?: string): Promise<[number, string]> {
  const response = await fetch(`${simulator.controlUrl}${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  return [response.status, ((await response.json()) as { error?: string }).error ?? ''];
}

describe('the control API', () => {
  it('names what is wrong with a request', async () => {
    expect(await call('GET', '/nothing')).toEqual([404, 'no route GET /nothing']);
    expect(await call('PUT', '/phones')).toEqual([405, 'no route PUT /phones']);
    expect(await call('POST', '/phones', '{')).toEqual([400, 'the body is not JSON']);
    expect(await call('POST', '/phones', '{"name":"a","numbr":"1"}')).toEqual([
      400,
      expect.stringContaining('numbr'),
    ]);
    expect(await call('GET', '/phones/nobody')).toEqual([404, expect.stringContaining('no phone "nobody"')]);
    expect(await call('POST', '/faults', '{"kind":"send","mode":"x"}')).toEqual([
      400,
      expect.stringContaining('mode'),
    ]);
    await simulator.world.phone('sender');
    const content = '{"to":"sender","content":{"text":"a","poll":{"name":"b","options":["c","d"]}}}';
    expect(await call('POST', '/phones/sender/messages', content)).toEqual([
      400,
      expect.stringContaining('exactly one'),
    ]);
  });

  it('ends no connection that rests, which could cross a call on its way', async () => {
    const { headers } = await fetch(`${simulator.controlUrl}/health`);
    expect([headers.get('connection'), headers.get('keep-alive')]).toEqual(['keep-alive', null]);
  });

  it('gives a name one number, and a number one name', async () => {
    const phone = await simulator.world.phone('named', { number: '491700000001' });
    expect(phone.jid).toBe('491700000001@c.us');
    expect((await simulator.world.phone('named')).number).toBe(phone.number);
    await expect(simulator.world.phone('named', { number: '491700000002' })).rejects.toThrow(
      'has the number',
    );
    await expect(simulator.world.phone('thief', { number: phone.number })).rejects.toThrow('is taken');
  });

  it('answers a wait at once when it holds, when it comes true, and by its name when the time is over', async () => {
    const { world } = simulator;
    const [anna, ben] = [await world.phone('anna'), await world.phone('ben')];
    const waiting = world.waitFor({ message: { from: 'anna', to: 'ben', text: 'soon' } });
    const { id } = await anna.send(ben, 'soon');
    await waiting;
    await world.waitFor({ ack: 2, id });
    await expect(world.waitFor({ linked: 'anna' }, { timeoutMs: 20 })).rejects.toThrow('{"linked":"anna"}');
  });

  it('carries messages between phones that have no page, and keeps the truth of them', async () => {
    const world = await connectWorld(simulator.controlUrl);
    const [cleo, dan] = [await world.phone('cleo'), await world.phone('dan', { autoRead: true })];
    const { id } = await cleo.send(dan, 'first');
    await world.waitFor({ ack: 3, id });
    await cleo.edit(id, 'second');
    await dan.react(id, '🙂');
    await expect(dan.revoke(id)).rejects.toThrow('cannot revoke');
    await cleo.revoke(id);
    const again = await cleo.send(dan, 'first', { id });
    expect(again).toEqual({ id, carried: false });
    expect(await world.message(id)).toMatchObject({
      ack: 3,
      edits: ['second'],
      reactions: { [dan.number]: '🙂' },
      revoked: true,
      submissions: 2,
      text: 'first',
    });
  });

  it('paces a burst and answers with the ids it will use', async () => {
    const { world } = simulator;
    const to = await world.phone('receiver');
    const { ids } = await world.burst({ from: ['b1', 'b2'], to, count: 40, rate: 400, background: true });
    expect(new Set(ids).size).toBe(40);
    await world.waitFor({ message: { to: 'receiver' }, count: 40 });
    const { messages } = await world.truth();
    expect(messages.filter((message) => ids.includes(message.id)).map((message) => message.id)).toEqual(ids);
  });

  it('hands the truth out in pages, and one message by its id', async () => {
    const { world } = simulator;
    const [eve, fay] = [await world.phone('eve'), await world.phone('fay')];
    const { ids } = await world.burst({ from: ['eve', 'gus'], to: fay, count: 25 });
    const paged = await world.messages({ phone: fay, pageSize: 4 });
    expect(paged.map(({ id }) => id)).toEqual(ids);
    const ofEve = await world.messages({ phone: eve });
    expect(ofEve.map(({ id }) => id)).toEqual(ids.filter((_, n) => n % 2 === 0));
    expect((await world.messages()).map(({ seq }) => seq)).toEqual(
      (await world.truth()).messages.map((_, n) => n + 1),
    );
    await expect(world.message('3EB0000000000000000000')).rejects.toMatchObject({ status: 404 });
    expect(await call('GET', '/truth?limit=0')).toEqual([400, expect.stringContaining('limit')]);
  });

  it('ends with the process that started it', async () => {
    const other = await startSimulator();
    await other[Symbol.asyncDispose]();
    await expect(fetch(`${other.controlUrl}/health`)).rejects.toThrow();
  });
});
