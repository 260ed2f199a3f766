/** The files of one request are here, and kept: what is not is answered without. */
const FILES_MS = 90_000;
/** Then the rows are written: a few hundredths of a second for a portion of a bulk request, on a busy database seconds. */
const WRITING_MS = 30_000;

/**
 * How long the acceptance of a request may take, in milliseconds, each part within the next. The claim of its Idempotency-Key
 * outlives all of it, so that nobody takes over what is still being done; one whose holder died ends with its own term.
 */
export const ACCEPTANCE_TERMS = {
  /** A file that is named by its address has come. */
  fetchMs: FILES_MS / 2,
  filesMs: FILES_MS,
  /** The request is answered, or given up. */
  answerMs: FILES_MS + WRITING_MS,
  /** A claim counts as abandoned: what was given up may take as long again to write what it has begun to write. */
  claimMs: FILES_MS + 2 * WRITING_MS,
} as const;
