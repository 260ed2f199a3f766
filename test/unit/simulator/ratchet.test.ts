import { describe, expect, it } from 'vitest';
import { DeviceRatchet } from '../../../simulator/network/ratchet.ts';
import type { Envelope } from '../../../simulator/protocol.ts';

const message = (from: string, type = 'chat'): Envelope => ({
  kind: 'message',
  message: { id: `of ${from}`, from, to: { user: 'shop' }, t: 1, attrs: { type } },
  chat: { user: from },
  peers: [],
  ack: 1,
});
const ack: Envelope = { kind: 'ack', id: 'm1', ack: 2 };

describe("a device's ratchet", () => {
  it('is ahead of a page that has not receipted or not sent as much, and of no other', () => {
    const ratchet = new DeviceRatchet();
    ratchet.receive(3, message('alice'));
    ratchet.receive(2, message('alice'));
    ratchet.send(1);
    expect(ratchet.state).toEqual({ received: 3, sent: 1 });
    expect(ratchet.isAheadOf({ received: 2, sent: 1 })).toBe(true);
    expect(ratchet.isAheadOf({ received: 3, sent: 0 })).toBe(true);
    expect(ratchet.isAheadOf({ received: 3, sent: 1 })).toBe(false);
    // The page had it, and its receipt was lost on the way.
    expect(ratchet.isAheadOf({ received: 4, sent: 2 })).toBe(false);
  });

  it('is not moved by what only the server tells', () => {
    const ratchet = new DeviceRatchet();
    ratchet.receive(1, ack);
    ratchet.receive(2, message('alice', 'gp2'));
    expect(ratchet.state).toEqual({ received: 0, sent: 0 });
  });

  it('renews broken sessions author by author', () => {
    const ratchet = new DeviceRatchet();
    const readable = () => [message('alice'), message('bob'), ack].map((each) => ratchet.isReadable(each));
    expect(readable()).toEqual([true, true, true]);
    ratchet.breakSessions();
    expect(readable()).toEqual([false, false, true]);
    ratchet.renewSession('alice');
    expect(readable()).toEqual([true, false, true]);
    ratchet.breakSessions();
    expect(readable()).toEqual([false, false, true]);
  });
});
