/** How long it took to make one file of a profile, in milliseconds from the start. */
export interface SealTimes {
  /** Until the file was complete. */
  readonly writtenMs: number;
  /** Until it was also safe on the disk (fsync). */
  readonly syncedMs: number;
  /** Of the file. */
  readonly bytes: number;
}

/** One of the ways of making a profile one file and of getting it back. */
export interface Contender {
  readonly name: string;
  /** Makes the file, in place of an earlier one. */
  seal(profile: string, signal: AbortSignal): Promise<SealTimes>;
  /** Gets the profile of the last `seal` back into a folder that is not there yet; milliseconds. */
  open(target: string, signal: AbortSignal): Promise<number>;
}
