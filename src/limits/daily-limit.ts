import { AppError } from '../lib/errors.ts';

/** A date of an account on which no slot of the daily limit is left. */
export interface FullDay {
  readonly dailyLimit: number;
  /** The first instant of the next date in the account's time zone. */
  readonly nextAt: Date;
}

/** How many slots of a day are free: never negative, also after the limit was lowered below what is taken. */
export function roomOf({ allowed, taken }: { readonly allowed: number; readonly taken: number }): number {
  return Math.max(0, allowed - taken);
}

/** Whole seconds until the next date begins, at least one: a client that waits them out finds a new day. */
export function secondsToNextDay({ nextAt }: Pick<FullDay, 'nextAt'>, at: Date): number {
  return Math.max(1, Math.ceil((nextAt.getTime() - at.getTime()) / 1_000));
}

/** What a client is told whose message finds the day full. */
export function fullDayToError(day: FullDay, at: Date): AppError {
  return new AppError('DAILY_LIMIT_EXCEEDED', {
    details: {
      dailyLimit: day.dailyLimit,
      nextAt: day.nextAt.toISOString(),
      retryAfterSeconds: secondsToNextDay(day, at),
    },
  });
}
