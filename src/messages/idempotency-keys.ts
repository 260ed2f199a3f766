import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import {
  type ClaimResult,
  claimIdempotencyKeys,
  type IdempotencyClaim,
  type KeyedRequest,
  releaseIdempotencyClaims,
} from '../db/idempotency-store.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

export interface IdempotencyKeysDeps {
  readonly db: Executor;
  readonly instanceId: InstanceId;
  readonly log: Logger;
}

/** What one request does under its key: what is new, or what an earlier one with the key was answered. */
export interface KeyedWork<T> {
  /** Does it. What it throws frees the key; it completes the claim itself. */
  fresh(claim: IdempotencyClaim): Promise<T>;
  /** What an earlier request came to. */
  stored(earlier: Extract<ClaimResult, { kind: 'stored' | 'answered' }>): T;
}

/** The idempotency keys that this instance is at work on. One object for all that claims keys. */
export class IdempotencyKeys {
  readonly #deps: IdempotencyKeysDeps;
  /** How many requests are at work under each key of an account. */
  readonly #atWork = new Map<string, number>();

  constructor(deps: IdempotencyKeysDeps) {
    this.#deps = deps;
  }

  /**
   * Does a request's work once.
   * @throws AppError IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_CONFLICT; whatever the work throws
   */
  once<T>(accountId: AccountId, request: Omit<KeyedRequest, 'isAlone'>, work: KeyedWork<T>): Promise<T> {
    return this.claimAll(accountId, [request], async (results) => {
      const claimed = results.get(request.key) ?? { kind: 'in-progress' };
      switch (claimed.kind) {
        case 'claimed':
          return this.#orReleased(claimed.claim, () => work.fresh(claimed.claim));
        case 'stored':
        case 'answered':
          return work.stored(claimed);
        case 'in-progress':
          throw new AppError('IDEMPOTENCY_IN_PROGRESS');
        case 'other-request':
          throw new AppError('IDEMPOTENCY_CONFLICT');
        default:
          return claimed satisfies never;
      }
    });
  }

  /** Claims keys that differ, for work that completes each claim or releases it; by key, what became of it. */
  async claimAll<T>(
    accountId: AccountId,
    requests: readonly Omit<KeyedRequest, 'isAlone'>[],
    work: (results: ReadonlyMap<string, ClaimResult>) => Promise<T>,
  ): Promise<T> {
    const { db, instanceId } = this.#deps;
    const wishes = requests.map((each) => ({ ...each, isAlone: this.#enter(accountId, each.key) }));
    try {
      return await work(await claimIdempotencyKeys(db, { accountId, instanceId }, wishes));
    } finally {
      for (const { key } of requests) this.#leave(accountId, key);
    }
  }

  /** Gives the keys of requests back that came to nothing; never rejects. */
  async release(accountId: AccountId, claims: readonly IdempotencyClaim[]): Promise<void> {
    await releaseIdempotencyClaims(this.#deps.db, accountId, claims).catch((thrown: unknown) =>
      this.#deps.log.warn('Idempotency keys could not be given back', {
        accountId,
        error: toError(thrown).message,
      }),
    );
  }

  async #orReleased<T>(claim: IdempotencyClaim, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      await this.release(claim.accountId, [claim]);
      throw thrown;
    }
  }

  /** True if nobody else is at work under the key. */
  #enter(accountId: AccountId, key: string): boolean {
    const name = `${accountId} ${key}`;
    const others = this.#atWork.get(name) ?? 0;
    this.#atWork.set(name, others + 1);
    return others === 0;
  }

  #leave(accountId: AccountId, key: string): void {
    const name = `${accountId} ${key}`;
    const left = (this.#atWork.get(name) ?? 1) - 1;
    if (left === 0) this.#atWork.delete(name);
    else this.#atWork.set(name, left);
  }
}
