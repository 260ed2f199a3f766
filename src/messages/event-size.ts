import type { InboundEvent } from './inbound-event.ts';

/** About what an event takes in memory and in the queue, in bytes: what a message carries varies by a thousand times. */
export function eventBytes(event: InboundEvent): number {
  return JSON.stringify(event).length;
}
