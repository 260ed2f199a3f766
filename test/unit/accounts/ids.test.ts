import { describe, expect, it } from 'vitest';
import {
  makeAccountId,
  makeMessageId,
  messageIdToInstant,
  parseMessageId,
} from '../../../src/accounts/ids.ts';

describe("a message's id", () => {
  it.each([0, 1, 65_535, 65_536, Date.UTC(2026, 2, 1, 12, 0, 0, 123), 253_402_300_799_999])(
    'carries the instant %d',
    (atMs) => {
      const id = makeMessageId(atMs);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(messageIdToInstant(id)).toEqual(new Date(atMs));
    },
  );

  it('carries the nearest instant that there is for one that is none', () => {
    expect(messageIdToInstant(makeMessageId(-5))).toEqual(new Date(0));
    expect(messageIdToInstant(makeMessageId(1_700.5))).toEqual(new Date(1_700));
    expect(messageIdToInstant(makeMessageId(1e18))?.toISOString()).toBe('9999-12-31T23:59:59.999Z');
  });

  it('is another for each message of one instant', () => {
    const ids = Array.from({ length: 1_000 }, () => makeMessageId(5));
    expect(new Set(ids).size).toBe(1_000);
  });

  it('is read in either case, and tells nothing if it is of another version', () => {
    const id = makeMessageId(Date.UTC(2026, 0, 1));
    expect(messageIdToInstant(parseMessageId(id.toUpperCase()))).toEqual(new Date(Date.UTC(2026, 0, 1)));
    expect(messageIdToInstant(makeAccountId())).toBeUndefined();
  });
});
