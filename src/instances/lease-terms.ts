/**
 * Every term and interval of leases, in milliseconds, with its meaning and its reason. docs/session-spec.md is made from
 * this table.
 */
export const LEASE_NUMBERS = {
  sharedTermMs: {
    value: 20_000,
    text: 'From a renewal, a run of an instance is valid while others are there; then anybody may take its accounts.',
    why: 'An instance that dies is noticed within half a minute; a restart of PostgreSQL takes less.',
  },
  aloneTermMs: {
    value: 600_000,
    text: 'The same while no other instance is there, nor was lately.',
    why: 'Nobody waits for its accounts, so that it rides out an outage of PostgreSQL.',
  },
  othersQuietMs: {
    value: 600_000,
    text: 'No other instance has been seen for this long: the longer term counts.',
    why: 'One that only restarts would wait that long for the accounts of one that dies meanwhile.',
  },
  renewEveryMs: {
    value: 5_000,
    text: 'Between two renewals of a run; one statement, whatever it holds.',
    why: 'Two of them may fail within the shorter term before sessions have to stop.',
  },
  renewDeadlineMs: {
    value: 3_000,
    text: 'A renewal is answered; then its connection is cut, and it is tried again on another.',
    why: 'It takes a millisecond, on an overloaded machine a hundred.',
  },
  enterDeadlineMs: {
    value: 10_000,
    text: 'A run is entered, with all that the former one held.',
    why: 'Some hundredths of a second for a thousand accounts; a start should not fail because the machine is busy.',
  },
  renewAgainMs: {
    value: 500,
    text: 'After a renewal that failed, or a try to enter a run.',
    why: 'A database that comes back is met at once.',
  },
  stopMarginMs: {
    value: 6_000,
    text: 'This long before its lease may lapse an instance tells all sessions to stop.',
    why: 'Half of it for browsers to close by themselves.',
  },
  killMarginMs: {
    value: 3_000,
    text: 'This long before its lease may lapse the guard kills all browsers, whatever became of the daemon.',
    why: 'For the guard to be late, and clocks to differ in their speed.',
  },
  tickMs: {
    value: 3_000,
    text: 'Between two looks at what is free, beside those at each notification.',
    why: 'A lease that lapses notifies nobody.',
  },
  roundDeadlineMs: {
    value: 30_000,
    text: 'A look at what is free, with the starts that follow; then the next one begins beside it.',
    why: 'An answer that is lost on its way would otherwise keep this instance from taking anything up.',
  },
  takenByAnyMs: {
    value: 15_000,
    text: 'An account has been free this long: it is taken by whoever has room, whomever it is dealt to.',
    why: 'Five looks: the one whom it is dealt to does not take it.',
  },
  deadGraceMs: {
    value: 3_000,
    text: 'Between the two looks, at least, at which the process of a run of this machine is gone, before another instance ends its lease.',
    why: 'The guard sweeps twice, a second apart. Where it is late, the other instance ends the browsers that it sees, and waits while any is left.',
  },
  presenceGraceMs: {
    value: 3_000,
    text: 'A former run of the same instance, on another machine or before a boot, had the data folder that this one has now, and has no connection to the database for this long: it is over. One that had another folder is waited for until its lease lapses.',
    why: 'One that only lost its connection is back within a second.',
  },
  formerLookMs: {
    value: 500,
    text: 'Between two looks of a start at whether the former run of the same instance is over.',
    why: 'A restart waits no longer than it must.',
  },
  formerLogMs: {
    value: 10_000,
    text: 'Between two lines of the log about that wait.',
    why: 'Enough to see that it still waits.',
  },
  forgetQuietMs: {
    value: 15_000,
    text: 'An instance that has not renewed for this long may be forgotten by an operator before its lease lapses; another one only by force.',
    why: 'Three renewals: one that is alive has missed none of them.',
  },
  endDeadlineMs: {
    value: 1_000,
    text: 'A stop waits this long for its leases to be given back.',
    why: 'They lapse by themselves if the database does not answer.',
  },
} as const satisfies Record<`${string}Ms`, { value: number; text: string; why: string }>;

/** The numbers alone; tests give shorter ones. */
export type LeaseTerms = { readonly [Name in keyof typeof LEASE_NUMBERS]: number };

export const LEASE_TERMS = Object.fromEntries(
  Object.entries(LEASE_NUMBERS).map(([name, { value }]) => [name, value]),
) as LeaseTerms;
