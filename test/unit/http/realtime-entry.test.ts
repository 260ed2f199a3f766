import { expect, it } from 'vitest';
import { type Entry, makeEntryCodec } from '../../../src/http/realtime-entry.ts';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';

const key = (fill: string) => Buffer.alloc(32, fill);
const ring = makeKeyRing({ current: key('one'), previous: [] });
const codec = makeEntryCodec(ring);

/** `MessageType.BROADCAST` of the library is 3. */
const broadcast = (...data: unknown[]) =>
  ({
    type: 3,
    uid: 'u',
    nsp: '/',
    n: 1,
    data: { opts: { rooms: [], except: [], flags: {} }, packet: { type: 2, data } },
  }) as unknown as Entry;

it.each([
  ['account:qr', { qr: '2@code' }, true],
  ['account:pairing-code', { code: 'ABCD1234' }, true],
  ['message:received', { text: 'hello' }, false],
])('writes %s so that it can be read, and no secret by others', (name, payload, isSealed) => {
  const entry = broadcast(name, payload);
  const text = codec.toText(entry);
  expect(codec.parse(text)).toEqual(entry);
  expect(text.includes(String(Object.values(payload)[0]))).toBe(!isSealed);
});

it('writes the mark of a gap', () => {
  const mark = { uid: 'u', gap: 2 };
  expect(codec.parse(codec.toText(mark))).toEqual(mark);
});

it('opens what an earlier key sealed, and passes over what no key opens', () => {
  const entry = broadcast('account:qr', { qr: '2@code' });
  const text = codec.toText(entry);
  const later = makeEntryCodec(makeKeyRing({ current: key('two'), previous: [key('one')] }));
  const other = makeEntryCodec(makeKeyRing({ current: key('two'), previous: [] }));
  expect(later.parse(text)).toEqual(entry);
  expect(other.parse(text)).toBeUndefined();
  expect(codec.parse(`${text.slice(0, -8)}AAAAAAA=`)).toBeUndefined();
});
