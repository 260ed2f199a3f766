import { expect, it } from 'vitest';
import { Collection, Model } from '../../../simulator/page/model.ts';
import { createWid } from '../../../simulator/page/wid.ts';

it('raises change:<name> with value and previous for what differs, then change once', () => {
  const model = new Model({ id: 'a', ack: 0, body: 'x' });
  const heard: unknown[] = [];
  model.on('change:ack change:body', (_model, value, previous) => heard.push([value, previous]));
  model.on('change', () => heard.push('change'));
  model.set({ ack: 1, body: 'x' });
  model.set({ ack: 1 });
  expect(heard).toEqual([[1, 0], 'change']);
});

it('shows its attributes as properties, which can be written', () => {
  const model = new Model({ id: 'a', t: 1 }) as Model & { t: number };
  const times: unknown[] = [];
  model.on('change:t', (_model, value) => times.push(value));
  model.t = 5;
  expect([model.t, times]).toEqual([5, [5]]);
  expect(model.serialize()).toEqual({ id: 'a', t: 5 });
  expect(JSON.stringify({ model })).toBe('{"model":{"id":"a","t":5}}');
});

it('hears in a collection what its models raise, until they are removed', () => {
  const collection = new Collection(Model);
  const heard: unknown[] = [];
  collection.on('add remove change:ack', (model) => heard.push((model as Model).get('id')));
  const model = new Model({ id: 'a' });
  collection.add(model);
  collection.add(new Model({ id: 'a' }));
  model.set({ ack: 1 });
  collection.remove('a');
  model.set({ ack: 2 });
  expect(heard).toEqual(['a', 'a', 'a']);
  expect(collection.length).toBe(0);
});

it('finds by a key object of either dialect, by an address, and by text', () => {
  const collection = new Collection(Model);
  const model = new Model({ id: createWid('1555@c.us') });
  collection.add(model);
  for (const id of ['1555@c.us', createWid('1555@c.us'), { _serialized: '1555@c.us' }, { $1: '1555@c.us' }]) {
    expect(collection.get(id)).toBe(model);
  }
  expect(collection.get(undefined)).toBeUndefined();
});

it('calls a once listener once, and goes on when a listener throws', () => {
  const model = new Model({ id: 'a' });
  let calls = 0;
  model.once('change:ack', () => {
    calls += 1;
    throw new Error('listener');
  });
  const seen: unknown[] = [];
  model.on('change:ack', (_model, ack) => seen.push(ack));
  model.set({ ack: 1 });
  model.set({ ack: 2 });
  expect([calls, seen]).toEqual([1, [1, 2]]);
});

it('reads addresses in all their forms and refuses what is none', () => {
  expect(createWid('1555:12@s.whatsapp.net')._serialized).toBe('1555@c.us');
  expect(createWid({ user: '99', server: 'lid' }).isLid()).toBe(true);
  expect(createWid('120363@g.us').isGroup()).toBe(true);
  for (const bad of ['', '1555', undefined, { user: 5 }]) expect(() => createWid(bad)).toThrow('wid error');
});
