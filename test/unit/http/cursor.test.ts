import { expect, it } from 'vitest';
import { cursorToPosition, positionToCursor } from '../../../src/http/cursor.ts';

it.each([
  ['number', { at: '2026-03-01T12:00:00.123456Z', tie: '42' }],
  ['uuid', { at: '2026-03-01T12:00:00.000000Z', tie: '0b0c4f4e-58f1-4d0e-9a59-0f2f3a3d7c11' }],
] as const)('brings back, of a list by %s, and of no other: %j', (kind, position) => {
  const cursor = positionToCursor(position);
  expect(cursorToPosition(cursor, kind)).toEqual(position);
  for (const other of (['number', 'uuid', 'chat'] as const).filter((each) => each !== kind))
    expect(cursorToPosition(cursor, other)).toBeUndefined();
});

it.each([
  '',
  'abc',
  Buffer.from("2026-03-01T12:00:00.123456Z 1'; drop table messages").toString('base64url'),
  Buffer.from('2026-13-41T12:00:00.123456Z 1').toString('base64url'),
  Buffer.from('2026-03-01T12:00:00.123456Z 99999999999999999999').toString('base64url'),
])('takes nothing that was not handed out: %j', (cursor) => {
  expect(cursorToPosition(cursor, 'number')).toBeUndefined();
  expect(cursorToPosition(cursor, 'uuid')).toBeUndefined();
});

it.each([
  '2026-02-30T00:00:00.000000Z',
  '2026-02-29T00:00:00.000000Z',
  '2026-06-31T00:00:00.000000Z',
  '2026-01-31T24:00:00.000000Z',
  '2026-01-31T08:00:60.000000Z',
  '0000-01-01T00:00:00.000000Z',
])('takes no instant that the calendar does not have: %s', (at) => {
  expect(cursorToPosition(positionToCursor({ at, tie: '17' }), 'number')).toBeUndefined();
});

it.each(['2028-02-29T00:00:00.000000Z', '0001-01-01T00:00:00.000000Z', '9999-12-31T23:59:59.999999Z'])(
  'takes each instant that it has: %s',
  (at) => {
    expect(cursorToPosition(positionToCursor({ at, tie: '17' }), 'number')).toEqual({ at, tie: '17' });
  },
);

it('says where a list of chats ends, with or without an instant, and mixes no lists up', () => {
  const silent = { at: null, tie: '491700000001@c.us' };
  expect(cursorToPosition(positionToCursor(silent), 'chat')).toEqual(silent);
  expect(cursorToPosition(positionToCursor(silent), 'number')).toBeUndefined();
  const row = { at: '2026-01-01T00:00:00.000000Z', tie: '17' };
  expect(cursorToPosition(positionToCursor(row), 'chat')).toBeUndefined();
  expect(cursorToPosition(positionToCursor({ ...row, at: null }), 'number')).toBeUndefined();
});
