import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { InboundEvent } from '../messages/inbound-event.ts';
import type { MessageStatus } from '../messages/message.ts';
import type { ChangeKind, MessageChange } from './change-log.ts';
import { type Addition, eventToAddition, type MessageVersion, rowToVersions } from './ingest-additions.ts';
import { type ChangedRow, type IngestFigures, rowsToFigures } from './ingest-figures.ts';
import { applyChange, applyMessage } from './ingest-merge.ts';
import { eventToRow, type IngestRow } from './ingest-row.ts';
import type { KnownKey, Target, WaitingChange } from './ingest-statements.ts';

/** What the database holds for a batch of events. */
export interface IngestView {
  readonly accountId: AccountId;
  readonly events: readonly InboundEvent[];
  /** Keys that this batch claimed; their messages have no row yet. */
  readonly added: readonly KnownKey[];
  /** Keys that were there before. */
  readonly known: readonly KnownKey[];
  /** Rows of `known`. A key without a row is a message that was purged: it stays away. */
  readonly rows: readonly IngestRow[];
  /** Changes that waited for `added`, oldest first. */
  readonly waited: readonly WaitingChange[];
  readonly now: Date;
}

/** What has to be written for a batch of events. */
export interface IngestPlan {
  readonly inserts: readonly IngestRow[];
  readonly updates: readonly IngestRow[];
  readonly additions: readonly Addition[];
  readonly versions: readonly MessageVersion[];
  readonly waiting: readonly WaitingChange[];
  readonly statusChanged: readonly { readonly messageId: MessageId; readonly status: MessageStatus }[];
  /** What is really new, in the order of the events, for the log of changes. */
  readonly changes: readonly PlannedChange[];
  /** New incoming messages. */
  readonly received: number;
  /** Messages of ours that were known and have failed now. */
  readonly failed: number;
  /** Messages that were known, and whose media are awaited from now on. */
  readonly awaitedAnew: number;
  readonly figures: IngestFigures;
}

/** An entry for the log of changes. */
export interface PlannedChange {
  readonly change: MessageChange;
  /** The addition that it tells of: what that is worth is known once it is written. */
  readonly by?: Addition;
}

/** One message while the batch is gone through. */
interface Draft {
  readonly messageId: string;
  row: IngestRow | undefined;
  /** What the row was like; undefined for a new message. */
  readonly before:
    | {
        readonly json: string;
        readonly status: string;
        readonly sentAt: Date | null;
        readonly mediaStatus: string | null;
      }
    | undefined;
  /** Changes that came before the message. */
  readonly early: InboundEvent[];
  readonly purged: boolean;
}

/** Decides what a batch of events comes to. The rows of the view are changed in place. */
export function planIngest(view: IngestView): IngestPlan {
  const drafts = viewToDrafts(view);
  const beside: Beside = { additions: [], versions: [] };
  const changes: PlannedChange[] = [];
  const waiting: WaitingChange[] = [];
  const inserts: IngestRow[] = [];

  for (const event of view.events) {
    const draft = drafts.get(eventToName(event));
    if (draft?.purged) continue;
    if (draft === undefined) {
      waiting.push({ chat_id: event.chatId, bare_id: event.key.bareId, event });
    } else if (draft.row !== undefined) {
      const before = { ...draft.row };
      const by = applyEvent(draft.row, event, beside, view.now);
      changes.push(...rowToChanges(draft.row, before));
      if (by !== undefined) changes.push({ change: toChange(draft.row, by.kind, null), by });
    } else if (event.kind === 'message') {
      const row = eventToRow(event, { id: draft.messageId, accountId: view.accountId }, view.now);
      draft.row = row;
      inserts.push(row);
      // Edited before it was seen: the text as it was found is the first that is known.
      if (row.edited_at !== null) beside.versions.push(...rowToVersions(row, event));
      for (const early of draft.early) applyEvent(row, early, beside, view.now);
      changes.push({ change: toChange(row, 'message', row.timestamp) });
    } else {
      draft.early.push(event);
    }
  }
  const { changed, ...updated } = draftsToUpdates(drafts.values());
  return {
    inserts,
    ...beside,
    waiting,
    changes,
    received: inserts.filter((row) => row.direction === 'incoming').length,
    failed: updated.statusChanged.filter(({ status }) => status === 'failed').length,
    figures: rowsToFigures(inserts, changed),
    ...updated,
  };
}

/** What an event made of a row that was known: a repeated event makes nothing of it. */
function rowToChanges(row: IngestRow, before: IngestRow): PlannedChange[] {
  const kinds: (ChangeKind | false)[] = [
    row.revoked_at !== null && before.revoked_at === null && 'revoke',
    row.edited_at?.getTime() !== before.edited_at?.getTime() && 'edit',
    row.status !== before.status && 'status',
    isMediaSettled(row, before) && 'media',
  ];
  return kinds.flatMap((kind) => (kind === false ? [] : [{ change: toChange(row, kind, null) }]));
}

/** Whether the bytes came, or will not come: that some are awaited is no news. */
function isMediaSettled(row: IngestRow, before: IngestRow): boolean {
  if (row.media_status === null || row.media_status === 'pending') return false;
  return row.media_status !== before.media_status || row.media_sha256 !== before.media_sha256;
}

function toChange(row: IngestRow, kind: ChangeKind, messageAt: Date | null): MessageChange {
  return {
    message_id: row.id,
    chat_id: row.chat_id,
    phone_number: row.phone_number,
    kind,
    message_at: messageAt,
    is_incoming: row.direction === 'incoming',
  };
}

function viewToDrafts(view: IngestView): Map<string, Draft> {
  const rows = new Map(view.rows.map((row) => [row.id, row]));
  const drafts = new Map<string, Draft>();
  for (const key of view.known) {
    const row = rows.get(key.message_id);
    drafts.set(targetToName(key), {
      messageId: key.message_id,
      row,
      before: row && {
        json: JSON.stringify(row),
        status: row.status,
        sentAt: row.sent_at,
        mediaStatus: row.media_status,
      },
      early: [],
      purged: row === undefined,
    });
  }
  for (const key of view.added) {
    drafts.set(targetToName(key), {
      messageId: key.message_id,
      row: undefined,
      before: undefined,
      early: [],
      purged: false,
    });
  }
  for (const change of view.waited) drafts.get(targetToName(change))?.early.push(change.event);
  return drafts;
}

/** What is written beside the rows. */
interface Beside {
  readonly additions: Addition[];
  readonly versions: MessageVersion[];
}

/** Returns what the event adds, if it does. */
function applyEvent(row: IngestRow, event: InboundEvent, beside: Beside, now: Date): Addition | undefined {
  beside.versions.push(...rowToVersions(row, event));
  if (event.kind === 'reaction' || event.kind === 'vote') {
    const addition = eventToAddition(row, event);
    beside.additions.push(addition);
    return addition;
  }
  if (event.kind === 'message') applyMessage(row, event, now);
  else applyChange(row, event);
  return undefined;
}

function draftsToUpdates(drafts: Iterable<Draft>): Pick<
  IngestPlan,
  'updates' | 'statusChanged' | 'awaitedAnew'
> & {
  readonly changed: readonly ChangedRow[];
} {
  const changed: ChangedRow[] = [];
  let awaitedAnew = 0;
  const statusChanged: { messageId: MessageId; status: MessageStatus }[] = [];
  for (const { row, before } of drafts) {
    if (row === undefined || before === undefined || before.json === JSON.stringify(row)) continue;
    changed.push({ row, before });
    if (row.media_status === 'pending' && before.mediaStatus !== 'pending') awaitedAnew += 1;
    if (before.status !== row.status) {
      statusChanged.push({ messageId: row.id as MessageId, status: row.status as MessageStatus });
    }
  }
  return { updates: changed.map(({ row }) => row), changed, statusChanged, awaitedAnew };
}

function eventToName(event: InboundEvent): string {
  return targetToName({ chat_id: event.chatId, bare_id: event.key.bareId });
}

/** NUL cannot be part of either: it was replaced before. */
function targetToName(target: Target): string {
  return `${target.chat_id}\0${target.bare_id}`;
}
