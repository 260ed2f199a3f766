import { describe, expect, it } from 'vitest';
import type { Ack, MessageStatus } from '../../../src/messages/message.ts';
import { statusAfterAck } from '../../../src/messages/status-ladder.ts';

const AT = 1_000;
type Row = readonly [before: MessageStatus, sentAt: number | null, ack: Ack, after: MessageStatus];

describe('an ack', () => {
  const rows: readonly Row[] = [
    ['pending', null, 0, 'pending'],
    ['pending', null, 1, 'sent'],
    ['pending', null, 3, 'read'],
    ['sent', 500, 2, 'delivered'],
    ['delivered', 500, 1, 'delivered'],
    ['read', 500, 2, 'read'],
    ['read', 500, 4, 'played'],
    ['played', 500, 3, 'played'],
  ];
  it.each(rows)('finds %s (sent at %s), is %i, leaves %s', (status, sentAt, ack, after) => {
    expect(statusAfterAck({ status, sentAt }, ack, AT)).toBe(after);
  });
});

describe('a refusal', () => {
  const rows: readonly Row[] = [
    ['pending', null, -1, 'failed'],
    ['unknown', null, -1, 'failed'],
    ['sent', 500, -1, 'failed'],
    ['sent', 2_000, -1, 'sent'],
    ['delivered', 500, -1, 'delivered'],
    ['read', 500, -1, 'read'],
    ['cancelled', null, -1, 'cancelled'],
    ['failed', null, -1, 'failed'],
  ];
  it.each(rows)('finds %s (sent at %s), is %i, leaves %s', (status, sentAt, ack, after) => {
    expect(statusAfterAck({ status, sentAt }, ack, AT)).toBe(after);
  });
});

describe('a proof that the message went out', () => {
  const rows: readonly Row[] = [
    ['failed', null, 1, 'sent'],
    ['failed', 500, 1, 'failed'],
    ['failed', 500, 2, 'delivered'],
    ['failed', null, 0, 'failed'],
    ['unknown', null, 1, 'sent'],
    ['cancelled', null, 1, 'sent'],
    ['deferred', null, 3, 'read'],
  ];
  it.each(rows)('finds %s (sent at %s), is %i, leaves %s', (status, sentAt, ack, after) => {
    expect(statusAfterAck({ status, sentAt }, ack, AT)).toBe(after);
  });
});
