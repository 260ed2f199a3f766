import { clampInstantMs } from '../lib/instant.ts';
import type { InboundEvent, VoteEvent } from '../messages/inbound-event.ts';
import type { IngestRow } from './ingest-row.ts';

/** What a message said from an instant on: the original from its own time, then each edit. */
export interface MessageVersion {
  readonly messageId: string;
  readonly at: Date;
  /** The text, or the caption of media. */
  readonly text: string | null;
}

/** What somebody chose in a poll, by name. */
export interface Vote {
  readonly messageId: string;
  readonly voterId: string;
  readonly options: readonly string[];
  readonly at: Date;
}

/**
 * The versions that an event tells of a message whose row is as it was before: the edit, and what the message said until
 * then if this is the first. Empty for what is no edit.
 */
export function rowToVersions(row: IngestRow, event: InboundEvent): MessageVersion[] {
  const edit = eventToEdit(event);
  if (edit === undefined) return [];
  const messageId = row.id;
  const isOriginal = row.edited_at === null && row.type !== 'revoked';
  const original = { messageId, at: row.timestamp, text: row.caption ?? row.text };
  return [
    ...(isOriginal ? [original] : []),
    { messageId, at: new Date(clampInstantMs(edit.at)), text: edit.text },
  ];
}

function eventToEdit(event: InboundEvent): { readonly at: number; readonly text: string | null } | undefined {
  if (event.kind === 'edit') return event;
  if (event.kind !== 'message' || event.editedAt === null || event.type === 'revoked') return undefined;
  return { at: event.editedAt, text: event.caption ?? event.text };
}

/** The vote with the names of its options; places that the poll does not have are left out. */
export function voteToNames(row: Pick<IngestRow, 'id' | 'payload'>, event: VoteEvent): Vote {
  const { poll } = (row.payload ?? {}) as { readonly poll?: { readonly options: readonly string[] } };
  const options = [...new Set(event.choices)].flatMap((place) => poll?.options[place] ?? []);
  return { messageId: row.id, voterId: event.voterId, options, at: new Date(clampInstantMs(event.at)) };
}
