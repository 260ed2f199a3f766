import type { Executor } from '../../src/db/database.ts';
import { type ClaimResult, claimIdempotencyKeys, type KeyWish } from '../../src/db/idempotency-store.ts';
import { insertOutgoings, type NewOutgoing } from '../../src/db/new-outgoing.ts';
import { listNextToSend } from '../../src/db/outbox-store.ts';

/** What the stores do for many messages, done for one. */
export function insertOutgoing(db: Executor, message: NewOutgoing): Promise<void> {
  return insertOutgoings(db, [message]);
}

/** The first of those that wait to be sent. */
export async function findNextToSend(
  db: Executor,
  accountId: Parameters<typeof listNextToSend>[1],
  blockedChats: readonly string[],
  terms: { readonly at: Date; readonly since?: Date | undefined },
) {
  const [first] = await listNextToSend(db, accountId, blockedChats, { ...terms, limit: 1 });
  return first;
}

export async function claimIdempotencyKey(db: Executor, wish: KeyWish): Promise<ClaimResult> {
  const results = await claimIdempotencyKeys(db, wish, [wish]);
  return results.get(wish.key) ?? { kind: 'in-progress' };
}
