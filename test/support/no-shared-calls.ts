import type { SharedCalls } from '../../src/queue/rate-limit-calls.ts';

/** As while Redis is away: limits are counted in the memory of the server, by its clock. */
export const noSharedCalls: SharedCalls = {
  isConnected: () => false,
  count: () => new Promise(() => undefined),
  ping: () => new Promise(() => undefined),
};
