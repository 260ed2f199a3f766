import { expect, it } from 'vitest';
import { FaultRegistry, faultSchema } from '../../../simulator/network/faults.ts';

it('strikes as often as it is told, the oldest fault first', () => {
  let struck = 0;
  const faults = new FaultRegistry(() => {
    struck += 1;
  });
  faults.set({ kind: 'send', mode: 'fail', count: 2 });
  faults.set({ kind: 'send', mode: 'drop' });
  const modes = [1, 2, 3, 4].map(() => faults.take('send', 'shop')?.mode);
  expect(modes).toEqual(['fail', 'fail', 'drop', 'drop']);
  expect(struck).toBe(4);
});

it('spares other phones, and what the caller says does not fit', () => {
  const faults = new FaultRegistry(() => undefined);
  faults.set({ kind: 'ack', mode: 'drop', phone: 'shop', levels: [2] });
  expect(faults.take('ack', 'other')).toBeUndefined();
  expect(faults.take('ack', 'shop', (spec) => spec.levels?.includes(1) ?? true)).toBeUndefined();
  expect(faults.take('ack', 'shop', (spec) => spec.levels?.includes(2) ?? true)).toMatchObject({
    mode: 'drop',
  });
});

it('gives a page only those it must play itself, with the strikes that are left', () => {
  const faults = new FaultRegistry(() => undefined);
  faults.set({ kind: 'send', mode: 'drop' });
  const refusing = faults.set({ kind: 'send', mode: 'refuse', text: 'no', count: 3 });
  faults.strike(refusing.id);
  expect(faults.forPage('shop')).toEqual([
    { id: refusing.id, kind: 'send', mode: 'refuse', left: 2, text: 'no', delayMs: 0, after: 0 },
  ]);
});

it('is refused when its kind, its mode or a field is unknown', () => {
  const check = (spec: unknown) => faultSchema.safeParse(spec).success;
  expect(check({ kind: 'send', mode: 'fail', error: 463, phone: 'shop', count: 1 })).toBe(true);
  expect(check({ kind: 'weather', mode: 'bad' })).toBe(false);
  expect(check({ kind: 'send', mode: 'explode' })).toBe(false);
  expect(check({ kind: 'send', mode: 'fail', typo: 1 })).toBe(false);
});
