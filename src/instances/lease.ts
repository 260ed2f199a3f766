import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';

/** The right to run the session of one account, until the run that holds it lapses. */
export interface Lease {
  readonly accountId: AccountId;
  /** The run of the instance that holds it; see `instances` in the schema. */
  readonly run: number;
  /** Higher at each taking, over all instances: what a former holder writes under an older one changes nothing. */
  readonly epoch: number;
  /** Of the lease before it, whoever held that; null if there was none. */
  readonly previousEpoch: number | null;
}

/** The leases that this instance holds. */
export interface Leases {
  /**
   * Takes the lease of an account, or answers the one that is held here already.
   * @throws HeldElsewhereError if another run holds it; AppError UNAVAILABLE while this instance has no run
   * (its lease has lapsed and the database has not answered since); AppError ACCOUNT_NOT_FOUND
   */
  take(accountId: AccountId): Promise<Lease>;

  /** Gives it back, so that any instance may take it. Safe to call again; never rejects: what is left lapses. */
  release(accountId: AccountId): Promise<void>;

  /** The lease that is held here at this moment; undefined from the moment in which it may lapse, whatever timers say. */
  find(accountId: AccountId): Lease | undefined;
}

/** Another instance holds the account: what is asked of its session is to be asked there. */
export class HeldElsewhereError extends AppError {
  readonly run: number;
  readonly instanceId: InstanceId;

  constructor(holder: { readonly run: number; readonly instanceId: InstanceId }) {
    super('UNAVAILABLE', { message: `The instance ${holder.instanceId} holds the account.` });
    this.run = holder.run;
    this.instanceId = holder.instanceId;
  }
}

/** The lease under which something is written now; undefined if none is held. */
export type FindLease = (accountId: AccountId) => Lease | undefined;

/** A write came too late: the account's lease is another's by now, or nobody's. Nothing was written. */
export class LeaseLostError extends AppError {
  constructor() {
    super('UNAVAILABLE', {
      message: 'This instance has lost the account: another one may run its session by now. Try again.',
    });
  }
}
