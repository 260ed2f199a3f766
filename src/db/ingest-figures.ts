import type { MessageStatus } from '../messages/message.ts';
import type { IngestRow } from './ingest-row.ts';

/** What a batch of events came to, in numbers. */
export interface IngestFigures {
  /** New incoming messages that were told live, and those that were read back. */
  readonly received: number;
  readonly recovered: number;
  /** New messages of ours, which were sent elsewhere. */
  readonly elsewhere: number;
  /** What known messages of ours have become. */
  readonly statuses: readonly MessageStatus[];
  /** Of those that WhatsApp's server has from now on: how long after their hand-over, in milliseconds. */
  readonly ackedAfterMs: readonly number[];
}

export const NO_FIGURES: IngestFigures = {
  received: 0,
  recovered: 0,
  elsewhere: 0,
  statuses: [],
  ackedAfterMs: [],
};

/** A known message that was changed. */
export interface ChangedRow {
  readonly row: IngestRow;
  readonly before: { readonly status: string; readonly sentAt: Date | null };
}

/** Counts what is about to be written. */
export function rowsToFigures(inserts: readonly IngestRow[], changed: readonly ChangedRow[]): IngestFigures {
  const incoming = inserts.filter(({ direction }) => direction === 'incoming');
  const recovered = incoming.filter((row) => row.recovered).length;
  const own = changed.filter(({ row }) => row.direction === 'outgoing');
  return {
    received: incoming.length - recovered,
    recovered,
    elsewhere: inserts.length - incoming.length,
    statuses: own.flatMap(({ row, before }) =>
      row.status === before.status ? [] : [row.status as MessageStatus],
    ),
    ackedAfterMs: own.flatMap(({ row, before }) =>
      before.sentAt !== null || row.sent_at === null || row.handed_at === null
        ? []
        : [row.sent_at.getTime() - row.handed_at.getTime()],
    ),
  };
}
