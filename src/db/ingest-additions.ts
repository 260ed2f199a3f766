import { clampInstantMs } from '../lib/instant.ts';
import type { InboundEvent, ReactionEvent, VoteEvent } from '../messages/inbound-event.ts';
import type { IngestRow } from './ingest-row.ts';

/** What a message said from an instant on: the original from its own time, then each edit. */
export interface MessageVersion {
  readonly messageId: string;
  readonly at: Date;
  /** The text, or the caption of media. */
  readonly text: string | null;
}

/** What a person has added to a message: a reaction, or what was chosen in a poll, by name. Nothing takes it back. */
export interface Addition {
  readonly kind: 'reaction' | 'vote';
  readonly messageId: string;
  readonly personId: string;
  /** An emoji; for votes the names of options. */
  readonly value: string | readonly string[];
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

/** What an event adds to the message of the row. */
export function eventToAddition(
  row: Pick<IngestRow, 'id' | 'payload'>,
  event: ReactionEvent | VoteEvent,
): Addition {
  const at = new Date(clampInstantMs(event.at));
  return event.kind === 'reaction'
    ? { kind: 'reaction', messageId: row.id, personId: event.senderId, value: event.emoji, at }
    : { kind: 'vote', messageId: row.id, personId: event.voterId, value: voteToNames(row, event), at };
}

/** The names of the options; places that the poll does not have are left out. */
function voteToNames({ payload }: Pick<IngestRow, 'payload'>, { choices }: VoteEvent): readonly string[] {
  const { poll } = (payload ?? {}) as { readonly poll?: { readonly options: readonly string[] } };
  return [...new Set(choices)].flatMap((place) => poll?.options[place] ?? []);
}

/** Whether a message shows something else by the addition than by the one of the same person that it showed `before`. */
export function isSeen(
  { value, at }: Pick<Addition, 'value' | 'at'>,
  before: { readonly value: Addition['value'] | null; readonly at: Date } | undefined,
): boolean {
  if (before !== undefined && before.at > at) return false;
  // The order of what was chosen says nothing.
  const parts = (of: Addition['value']) => (typeof of === 'string' ? of : of.toSorted().join('\n'));
  return parts(value) !== parts(before?.value ?? '');
}
