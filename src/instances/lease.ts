import type { AccountId, InstanceId } from '../accounts/ids.ts';

/** The right to run the session of one account, until the run that holds it lapses. */
export interface Lease {
  readonly accountId: AccountId;
  /** The run of the instance that holds it; see `instances` in the schema. */
  readonly run: number;
  /** Higher at each taking, over all instances: what a former holder writes under an older one changes nothing. */
  readonly epoch: number;
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
export class HeldElsewhereError extends Error {
  readonly run: number;
  readonly instanceId: InstanceId;

  constructor(holder: { readonly run: number; readonly instanceId: InstanceId }) {
    super(`The account is held by the instance ${holder.instanceId}.`);
    this.name = 'HeldElsewhereError';
    this.run = holder.run;
    this.instanceId = holder.instanceId;
  }
}

/** A write came too late: the account's lease is another's by now, or nobody's. Nothing was written. */
export class LeaseLostError extends Error {
  constructor() {
    super('The lease of the account is lost: another instance may run its session.');
    this.name = 'LeaseLostError';
  }
}
