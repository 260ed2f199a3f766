import { expect, it } from 'vitest';
import { parsePageAck, toPageAck } from '../../../../src/channels/whatsapp-web/page-ack.ts';

it.each<[raw: unknown, told: string | undefined, ack: number, reason: string | null]>([
  [0, undefined, 0, null],
  [1, undefined, 1, null],
  [4, undefined, 4, null],
  [-1, undefined, -1, null],
  [-1, '463', -1, '463'],
  [-2, undefined, -1, 'EXPIRED'],
  [-3, undefined, -1, 'CONTENT_GONE'],
  [-4, undefined, -1, 'CONTENT_TOO_BIG'],
  [-5, undefined, -1, 'CONTENT_UNUPLOADABLE'],
  [-7, undefined, -1, 'MD_DOWNGRADE'],
  [-5, 'upload failed', -1, 'upload failed'],
  [-12, undefined, -1, 'ack -12'],
])('takes an ack of %j with the reason %j for %i, for the reason %j (A15)', (raw, told, ack, reason) => {
  expect(parsePageAck(raw, told)).toEqual({ ack, reason });
});

it.each([-6, 5, 9, -1.5, Number.NaN, Number.NEGATIVE_INFINITY, '-2', null, undefined])(
  'takes %j for no word on the way of a message (A15)',
  (raw) => {
    expect(parsePageAck(raw, undefined)).toBeUndefined();
    expect(toPageAck(raw, undefined)).toEqual({ ack: 0, reason: null });
  },
);
