import { describe, expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { applyChange, applyMessage } from '../../../src/db/ingest-merge.ts';
import { eventToRow } from '../../../src/db/ingest-row.ts';
import type { MediaEvent, MessageEvent } from '../../../src/messages/inbound-event.ts';
import type { Ack } from '../../../src/messages/message.ts';
import {
  ackEvent,
  editEvent,
  messageEvent,
  ownMessageEvent,
  revokeEvent,
  storedMediaEvent,
  T0,
  targetOf,
} from '../../support/inbound-events.ts';

const LEARNED = new Date(T0 + 60_000);
const MEDIA = { mimeType: 'image/jpeg', fileName: 'a.jpg', fileSize: 9 };
const IMAGE = { type: 'image', text: null, caption: 'first', media: MEDIA } as const;

const rowOf = (event: MessageEvent) => eventToRow(event, { id: 'id', accountId: makeAccountId() }, LEARNED);
const mediaEvent = (status: 'gone' | 'failed'): MediaEvent => ({
  kind: 'media',
  ...targetOf('A'),
  result: { status },
  at: T0,
});

describe('the row of a new message', () => {
  it.each<[Ack, string, boolean]>([
    [0, 'delivered', false],
    [2, 'delivered', false],
    [3, 'read', true],
    [4, 'read', true],
  ])('that came in with ack %i is %s', (ack, status, seen) => {
    const row = rowOf(messageEvent('A', { ack }));
    expect(row).toMatchObject({ status, read_at: seen ? LEARNED : null, handed_at: null, sent_at: null });
  });

  it.each<[Ack, string, number]>([
    [-1, 'failed', 0],
    [0, 'sent', 1],
    [1, 'sent', 1],
    [2, 'delivered', 2],
    [3, 'read', 3],
    [4, 'played', 4],
  ])('that was written on the phone with ack %i is %s', (ack, status, steps) => {
    const row = rowOf(ownMessageEvent('A', { ack, ackReason: '463' }));
    expect(row.status).toBe(status);
    expect(row.handed_at).toEqual(new Date(T0));
    const times = [row.sent_at, row.delivered_at, row.read_at, row.played_at];
    expect(times.map((time) => time !== null)).toEqual([1, 2, 3, 4].map((step) => step <= steps));
    expect(row.failed_code).toBe(ack === -1 ? 'SEND_REFUSED' : null);
    expect(row.failed_reason).toBe(ack === -1 ? '463' : null);
  });

  it.each([[-1], [1.5], [2 ** 31], [Number.NaN], [null]])('has no declared size of %s', (fileSize) => {
    expect(rowOf(messageEvent('A', { ...IMAGE, media: { ...MEDIA, fileSize } })).file_size).toBeNull();
  });

  it('that is the stub of a revoked one is revoked', () => {
    const row = rowOf(messageEvent('A', { type: 'revoked', text: null }));
    expect(row).toMatchObject({ type: 'revoked', revoked_at: new Date(T0) });
  });

  it('carries what only some kinds have', () => {
    const location = { latitude: 1, longitude: 2, name: 'here' };
    const contacts = [{ name: 'Bob', vcard: 'BEGIN:VCARD' }];
    const poll = { question: 'q', options: ['a', 'b'], multipleAnswers: true };
    expect(rowOf(messageEvent('A', { location, contacts, poll })).payload).toEqual({
      location,
      contacts,
      poll,
    });
    expect(rowOf(messageEvent('A')).payload).toBeNull();
  });
});

describe('an edit', () => {
  it('changes the text of a text and the caption of media', () => {
    const text = rowOf(messageEvent('A'));
    applyChange(text, editEvent('A', 'new', T0 + 1));
    expect(text).toMatchObject({ text: 'new', caption: null, edited_at: new Date(T0 + 1) });
    const image = rowOf(messageEvent('A', IMAGE));
    applyChange(image, editEvent('A', 'new', T0 + 1));
    expect(image).toMatchObject({ text: null, caption: 'new' });
    const product = rowOf(messageEvent('A', { ...IMAGE, type: 'other' }));
    applyChange(product, editEvent('A', 'new', T0 + 1));
    expect(product).toMatchObject({ text: null, caption: 'new' });
  });

  it('that a message read back carries counts like one that was told', () => {
    const row = rowOf(messageEvent('A'));
    applyMessage(row, messageEvent('A', { text: 'new', editedAt: T0 + 5 }), LEARNED);
    applyChange(row, editEvent('A', 'older', T0 + 4));
    expect(row).toMatchObject({ text: 'new', edited_at: new Date(T0 + 5) });
  });
});

describe('media', () => {
  it('goes towards stored and never back', () => {
    const row = rowOf(messageEvent('A', IMAGE));
    const seen = [
      mediaEvent('gone'),
      mediaEvent('failed'),
      storedMediaEvent('A', T0),
      mediaEvent('gone'),
    ].map((event) => {
      applyChange(row, event);
      return row.media_status;
    });
    expect(seen).toEqual(['gone', 'gone', 'stored', 'stored']);
    expect(row).toMatchObject({ mime_type: 'image/png', file_size: 1_234, file_name: 'a.jpg' });
  });
});

describe('a message that is told again', () => {
  it('keeps what it said, who wrote it and how it was learned of', () => {
    const row = rowOf(messageEvent('A'));
    const before = { ...row };
    applyMessage(row, messageEvent('A', { text: 'other', author: 'x@c.us', recovered: true }), LEARNED);
    expect(row).toEqual(before);
  });

  it('as revoked keeps what it said; after its stub it says it', () => {
    const stub = messageEvent('A', { type: 'revoked', text: null });
    const [told, read] = [rowOf(messageEvent('A', IMAGE)), rowOf(stub)];
    applyMessage(told, stub, LEARNED);
    applyChange(read, revokeEvent('A', T0 + 9));
    applyChange(read, storedMediaEvent('A', T0));
    applyMessage(read, messageEvent('A', IMAGE), LEARNED);
    expect(told).toMatchObject({ type: 'image', caption: 'first', revoked_at: new Date(T0) });
    expect(read).toMatchObject({
      type: 'image',
      caption: 'first',
      revoked_at: new Date(T0 + 9),
      media_status: 'stored',
      mime_type: 'image/png',
    });
  });
});

describe('an ack', () => {
  it('of an incoming message only tells that it was seen', () => {
    const row = rowOf(messageEvent('A'));
    applyChange(row, ackEvent('A', 2, T0 + 1));
    expect(row).toMatchObject({ status: 'delivered', delivered_at: null });
    applyChange(row, ackEvent('A', 3, T0 + 2));
    expect(row).toMatchObject({ status: 'read', read_at: new Date(T0 + 2), sent_at: null });
  });

  it('without a reason fails a message with a general one, and a later proof clears it', () => {
    const row = { ...rowOf(ownMessageEvent('A')), status: 'pending', sent_at: null };
    applyChange(row, ackEvent('A', -1, T0 + 1));
    expect(row).toMatchObject({ status: 'failed', failed_code: 'SEND_REFUSED' });
    expect(row.failed_reason).toMatch(/refused/);
    applyChange(row, ackEvent('A', 2, T0 + 2));
    expect(row).toMatchObject({ status: 'delivered', failed_code: null, failed_reason: null });
  });
});

it('does not take an event of an unknown kind for a change', () => {
  const event = { ...revokeEvent('A', T0), kind: 'pin' as never };
  expect(() => applyChange(rowOf(messageEvent('A')), event)).toThrow('Not a change: pin');
});
