import type { LeaseTerms } from './lease-terms.ts';

/** What an instance knows of its run. All instants are milliseconds of the machine's uptime, which counts suspended time. */
export interface Tenure {
  readonly run: number;
  /** Whether other instances were there at the last renewal, or a while before. */
  readonly hasOthers: boolean;
  /** The next renewal is due. */
  readonly renewAt: number;
  /** From here on the instance holds nothing: its sessions have to stop. */
  readonly stopAt: number;
  /** From here on no browser of it may run. Anybody may take its accounts a little later. */
  readonly killAt: number;
}

/**
 * A run that was entered or renewed by a statement which was sent at `sentAt`: the lease began no sooner. Where the
 * database is the instance's own it never lapses.
 */
export function makeTenure(
  run: number,
  { sentAt, hasOthers, isExclusive }: { sentAt: number; hasOthers: boolean; isExclusive: boolean },
  { sharedTermMs, aloneTermMs, renewEveryMs, stopMarginMs, killMarginMs }: LeaseTerms,
): Tenure {
  const sharedOrAlone = hasOthers ? sharedTermMs : aloneTermMs;
  const termMs = isExclusive ? Number.POSITIVE_INFINITY : sharedOrAlone;
  return {
    run,
    hasOthers,
    renewAt: sentAt + renewEveryMs,
    stopAt: sentAt + termMs - stopMarginMs,
    killAt: sentAt + termMs - killMarginMs,
  };
}

/** The same run, known to be over. */
export function endTenure(tenure: Tenure): Tenure {
  return { ...tenure, stopAt: Number.NEGATIVE_INFINITY };
}

/**
 * The same run, which somebody else has ended by now: its browsers get no more time than those of one that lapses. Until
 * `enterAt` no other may be entered, which would give them more.
 */
export function cutTenure(
  tenure: Tenure,
  now: number,
  { stopMarginMs, killMarginMs }: LeaseTerms,
): { readonly tenure: Tenure; readonly enterAt: number } {
  // Where it never lapses nobody else can run anything.
  if (!Number.isFinite(tenure.killAt)) return { tenure: endTenure(tenure), enterAt: now };
  const killAt = Math.min(tenure.killAt, now + stopMarginMs - killMarginMs);
  return { tenure: { ...endTenure(tenure), killAt }, enterAt: killAt + killMarginMs };
}
