import type { AccountId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';

/** Which snapshot a sealed file is. Bound to every byte of it, so that none can stand in for another. */
export interface SnapshotIdentity {
  readonly accountId: AccountId;
  /** 1, 2, 3 … within the account; gaps are allowed, a number is never given twice. */
  readonly generation: number;
  /** To the millisecond. */
  readonly sealedAt: Date;
}

/** What a snapshot is asked for by. */
export type SnapshotName = Pick<SnapshotIdentity, 'accountId' | 'generation'>;

export function nameToText({ accountId, generation }: SnapshotName): string {
  return `generation ${generation} of account ${accountId}`;
}

/** A VAULT_DAMAGED whose sentence says of which snapshot, if that is known, and what is wrong with it. */
export function makeDamaged(problem: string, name?: SnapshotName, chunk?: number): AppError {
  const what = name ? `The sealed session (${nameToText(name)})` : 'The sealed session';
  return new AppError('VAULT_DAMAGED', {
    message: `${what} was refused: ${problem}.`,
    details: name && { accountId: name.accountId, generation: name.generation, chunk: chunk ?? null },
  });
}
