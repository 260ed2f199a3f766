import type { AccountId } from '../accounts/ids.ts';
import type { OutboundJob } from '../queue/table.ts';

/**
 * Makes the function that queues wake-ups, for each account one at a time: of those that come while one is on its way
 * only the last is kept, and follows it. Whoever hears a wake-up looks for every message of the account, so
 * nothing is missed, and a queue that is away costs memory for each account instead of for each message.
 *
 * It resolves when the wake-up is queued or kept to follow, and rejects as `add` does, which may take its time.
 */
export function makeWakeUpQueue(
  add: (job: OutboundJob) => Promise<void>,
): (job: OutboundJob) => Promise<void> {
  /** Accounts with a wake-up on its way → the one that is to follow. */
  const following = new Map<AccountId, OutboundJob | null>();
  return async (job) => {
    const { accountId } = job;
    if (following.has(accountId)) {
      following.set(accountId, job);
      return;
    }
    try {
      for (let next: OutboundJob | null = job; next !== null; next = following.get(accountId) ?? null) {
        following.set(accountId, null);
        await add(next);
      }
    } finally {
      following.delete(accountId);
    }
  };
}
