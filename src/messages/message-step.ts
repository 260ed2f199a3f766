/**
 * What the way of a message consists of, in its order. A crash after any of them must neither lose nor double a message;
 * the tests kill the process at each.
 */
export const MESSAGE_STEPS = [
  // Out: the key of the request is claimed, its file is kept, the row is written, the sender is told.
  'accept-claimed',
  'content-kept',
  'accept-committed',
  'woken',
  // The recipient and the id are known, the row says that it is being handed over, the page is asked to take it.
  'prepared',
  'claim-committed',
  'handed',
  // The page has taken it, and what it says of it is in the row.
  'page-took',
  'ack-written',
  // Out, where it goes less straight: the row says that it is handed over once more, that its outcome is not known, or that
  // it failed.
  'reclaim-committed',
  'unknown-written',
  'failure-written',
  // In: a job is in the queue, was taken out of it, and its events are in the database.
  'lane-added',
  'job-taken',
  'ingest-committed',
  // Its file is kept; that it is goes the same way in.
  'media-kept',
  // Catching up: a page of a chat was read, and how far the account is caught up is stored.
  'page-read',
  'watermark-saved',
] as const;

export type MessageStep = (typeof MESSAGE_STEPS)[number];

/** Told of each step once it is done; it returns at once and never throws. */
export type OnMessageStep = (step: MessageStep) => void;
