/**
 * What the way of a message consists of, in its order. A crash after any of them must neither lose nor double a message;
 * the tests kill the process at each.
 */
export const MESSAGE_STEPS = [
  // Out: the key of the request is claimed, the row is written, the sender is told.
  'accept-claimed',
  'accept-committed',
  'woken',
  // The recipient and the id are known, the row says that it is being handed over, the page is asked to take it.
  'prepared',
  'claim-committed',
  'handed',
  // The page has taken it, and what it says of it is in the row.
  'page-took',
  'ack-written',
  // In: a job is in the queue, was taken out of it, and its events are in the database.
  'lane-added',
  'job-taken',
  'ingest-committed',
  // Catching up: a page of a chat was read, and how far the account is caught up is stored.
  'page-read',
  'watermark-saved',
] as const;

export type MessageStep = (typeof MESSAGE_STEPS)[number];

/** Told of each step once it is done; it returns at once and never throws. */
export type OnMessageStep = (step: MessageStep) => void;
