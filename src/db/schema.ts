import type { ColumnType, Generated, JSONColumnType } from 'kysely';

/** timestamptz: read as Date, written as Date or ISO text. */
type Timestamp = ColumnType<Date, Date | string, Date | string>;
type NullableTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** timestamptz with a default. (`Generated` of a column type would hand out the column type, not its Date.) */
type GeneratedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>;
/** bigint, numbered by the database alone: pg hands it out as text. */
type GeneratedBigInteger = ColumnType<string, never, never>;
type NullableJson = JSONColumnType<object | null, string | null | undefined, string | null>;

export interface AccountTable {
  id: string;
  tenant_id: string;
  channel: Generated<string>;
  /** The number named when the account was created, E.164; another phone that scans is refused. */
  expected_phone_number: string | null;
  /** The number that is linked, E.164. Unique among linked accounts of all tenants. */
  phone_number: string | null;
  /** The number that was linked last, E.164; it stays while the link that there is now has told none. */
  last_phone_number: string | null;
  wid: string | null;
  display_name: string | null;
  /** WhatsApp's own name of the profile (pushname). */
  profile_name: string | null;
  state: Generated<string>;
  reason: string | null;
  state_since: GeneratedTimestamp;
  /** True while a user wants the account connected; what is restored on boot. */
  wanted: Generated<boolean>;
  /** True from the first successful link until a disconnect: a restart needs no scan. */
  linked: Generated<boolean>;
  first_linked_at: NullableTimestamp;
  /** The instance that holds the account, or held it last. */
  instance_id: string | null;
  /** The run of that instance that holds the account now; null if none does. */
  lease_run: ColumnType<string | null, number | null | undefined, number | null>;
  /** Of the lease that was taken last; null before the first. */
  lease_epoch: ColumnType<string | null, number | null | undefined, number | null>;
  /** Of the lease under which the account's profile was begun to be used last; null before the first. */
  profile_epoch: ColumnType<string | null, number | null | undefined, number | null>;
  /** Folders in which that profile may lie open, those first that are to be looked at first; none once it is sealed. */
  profile_places: Generated<string[]>;
  /** How a phone is linked: `qr` or `code`. */
  pairing: Generated<string>;
  qr: string | null;
  qr_expires_at: NullableTimestamp;
  pairing_code: string | null;
  pairing_code_expires_at: NullableTimestamp;
  last_error: string | null;
  daily_limit: number;
  timezone: string;
  is_active: Generated<boolean>;
  last_connected_at: NullableTimestamp;
  last_disconnected_at: NullableTimestamp;
  created_at: GeneratedTimestamp;
  deleted_at: NullableTimestamp;
  /** Everything that WhatsApp dated before this instant is known to be taken over from the page. */
  caught_up_to: NullableTimestamp;
  /** Generations of the vault up to this one were destroyed. */
  vault_wiped_through: ColumnType<string, number | undefined, number>;
  /** What users were last told of its health. */
  told_health: Generated<string>;
  /** Percent of the daily limit that users were told were used, 0 for none, and on which local date. */
  told_limit: Generated<number>;
  told_limit_on: ColumnType<string | null, string | null | undefined, string | null>;
}

/** Instances that may have left jobs in an inbound queue of theirs. */
export interface InboundQueueTable {
  instance_id: string;
  /** The run that it entered last; 0 if that is not known. */
  run: ColumnType<string, number, number>;
}

/** Runs of instances: one start of a daemon each. All that a run holds is free once its row is gone. */
export interface InstanceTable {
  run: ColumnType<string, number | undefined, never>;
  instance_id: string;
  /** Which process it is, on which machine; see host-process.ts. */
  process: string;
  /** Sessions that it may hold. */
  capacity: number;
  /** True while it hands over what it holds, to stop. */
  draining: Generated<boolean>;
  started_at: GeneratedTimestamp;
  renewed_at: GeneratedTimestamp;
  /** From then on others may delete the row; `infinity` where the database is the instance's own. */
  lease_until: Date;
  /** When a renewal saw another run last, or that of the run before did. */
  others_seen_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}

/** What one instance asks of a session that another holds, until that one has answered. */
export interface SessionCallTable {
  id: GeneratedBigInteger;
  run: ColumnType<string, number, never>;
  account_id: string;
  call: JSONColumnType<object>;
  outcome: ColumnType<unknown, string | null | undefined, string | null>;
  asked_at: GeneratedTimestamp;
}

/** Partitioned by the month of `timestamp`: say where a message lies by `isMessage` of message-lookup.ts. */
export interface MessageTable {
  /** UUIDv7 of `timestamp`. */
  id: string;
  /** Order of acceptance; also the tie-breaker of listings. */
  seq: GeneratedBigInteger;
  account_id: string;
  chat_id: string;
  phone_number: string | null;
  bare_id: string | null;
  whatsapp_message_id: string | null;
  direction: string;
  author: string | null;
  author_name: string | null;
  type: string;
  native_type: string | null;
  text: string | null;
  caption: string | null;
  /** location, contacts, poll, mentions, forwarded, quoted text: what only some kinds carry. */
  payload: NullableJson;
  reply_to: string | null;
  media_status: string | null;
  media_sha256: string | null;
  mime_type: string | null;
  file_name: string | null;
  file_size: number | null;
  status: string;
  failed_code: string | null;
  failed_reason: string | null;
  /** Never changes, and is of whole milliseconds. */
  timestamp: ColumnType<Date, Date | string, never>;
  /** The local date of the account whose daily slot an outgoing message has; null if it has none. */
  slot_date: ColumnType<string | null, string | null | undefined, string | null>;
  /** What a message that finds the day full wants: `reject` or `defer`. */
  on_limit: string | null;
  /** In which an outgoing message was handed over (see limits/lane.ts). */
  lane: string | null;
  /** The instance that handed the message over, and its run. */
  claimed_by: string | null;
  claim_epoch: ColumnType<string | null, number | string | null | undefined, number | string | null>;
  handed_at: NullableTimestamp;
  /** Since when it holds its chat because its outcome is not known. */
  unknown_since: NullableTimestamp;
  sent_at: NullableTimestamp;
  delivered_at: NullableTimestamp;
  read_at: NullableTimestamp;
  played_at: NullableTimestamp;
  edited_at: NullableTimestamp;
  revoked_at: NullableTimestamp;
  recovered: Generated<boolean>;
  created_at: GeneratedTimestamp;
}

/** One row a message, unique by what WhatsApp calls it: the partitions of `messages` could not keep it so. */
export interface MessageKeyTable {
  account_id: string;
  chat_id: string;
  bare_id: string;
  message_id: string;
}

/** Changes that came before their message. */
export interface WaitingChangeTable {
  id: GeneratedBigInteger;
  account_id: string;
  chat_id: string;
  bare_id: string;
  event: JSONColumnType<object, string, string>;
  created_at: GeneratedTimestamp;
}

export interface MessageReactionTable {
  message_id: string;
  account_id: string;
  sender_id: string;
  /** Empty once it was taken back: readers leave those out. */
  emoji: string;
  reacted_at: Timestamp;
  stored_at: GeneratedTimestamp;
}

/** Events that could not be stored, set apart so that their neighbours could. */
export interface RejectedEventTable {
  id: GeneratedBigInteger;
  account_id: string;
  event: JSONColumnType<object, string, string>;
  error: string;
  created_at: GeneratedTimestamp;
}

/** Counters by account and local date of the account's time zone. */
export interface AccountUsageTable {
  account_id: string;
  local_date: ColumnType<string, string, never>;
  sent: Generated<number>;
  received: Generated<number>;
  failed: Generated<number>;
  /** Slots of the daily limit that are taken: the limit is held against this. */
  taken: Generated<number>;
  /** Messages that found the day full and were put off. */
  deferred: Generated<number>;
  /** The daily limit that is in force on the date; null until its slots were dealt out (see slot-store.ts). */
  allowed: ColumnType<number | null, number | null | undefined, number | null>;
}

/** Files handed in to be sent, by content hash. */
export interface MediaUploadTable {
  id: string;
  account_id: string;
  sha256: string;
  mime_type: string;
  file_name: string | null;
  file_size: number;
  created_at: GeneratedTimestamp;
}

export interface IdempotencyKeyTable {
  account_id: string;
  key: string;
  request_hash: string;
  message_id: string | null;
  /** The status that was answered; null while the request is being accepted. */
  status: string | null;
  /** The instance that accepts the request. */
  claimed_by: string | null;
  /** What was answered to a request that is no single send. */
  answer: NullableJson;
  created_at: GeneratedTimestamp;
}

export interface ApiKeyTable {
  id: string;
  tenant_id: string;
  role: string;
  name: string;
  /** First characters of the key, for recognition. */
  prefix: string;
  sha256: string;
  /** Permissions that the role is narrowed to; null does not narrow it. */
  scopes: ColumnType<string[] | null, readonly string[] | null | undefined, readonly string[] | null>;
  expires_at: NullableTimestamp;
  /** To the minute. */
  last_used_at: NullableTimestamp;
  /** Id of the principal that made it; null for the daemon itself. */
  created_by: string | null;
  created_at: GeneratedTimestamp;
  revoked_at: NullableTimestamp;
  /** The instances whose owner key it is; none of a key that somebody made. */
  instances: Generated<string[]>;
}

/** Accounts that somebody may use who does not see all of the tenant: holders of keys, and users by their `sub`. */
export interface AccountGrantTable {
  id: GeneratedBigInteger;
  account_id: string;
  user_id: string;
  granted_by: string;
  granted_at: GeneratedTimestamp;
}

/** Every change that was asked for and done. Triggers keep rows from being changed or deleted. */
export interface AuditLogTable {
  id: GeneratedBigInteger;
  tenant_id: string;
  at: GeneratedTimestamp;
  actor_kind: string;
  actor_id: string;
  actor_name: string;
  /** The operation, as the OpenAPI document calls it. */
  action: string;
  target: string | null;
  address: string;
  request_id: string;
  details: NullableJson;
}

/**
 * What happened to an account: each state that its session entered (`state`), each alert (`alert`), each change of its
 * health that users were told of (`health`), and how much of its daily limit is used (`limit`).
 */
export interface SessionEventTable {
  id: GeneratedBigInteger;
  account_id: string;
  at: GeneratedTimestamp;
  kind: string;
  /** `state` events alone. */
  state: string | null;
  reason: string | null;
  /** Number of the attempt to reconnect; while reconnecting alone. */
  attempt: number | null;
  /** An alert's kind and words, or the error of a state. */
  text: string | null;
  instance_id: string | null;
  /** Whether it was told on; see change-feed-store.ts. */
  told: Generated<boolean>;
  /** The facts of `health` and `limit`, see account-news-store.ts. */
  data: NullableJson;
}

/** When somebody last told changes on: one row. */
export interface ChangeFeedTable {
  name: string;
  read_at: NullableTimestamp;
  /** bigint: pg hands them out as text. */
  taken: Generated<string>;
  told: Generated<string>;
}

/** Sealed snapshots of sessions, wherever their copies are. They outlive a purged account until all copies are gone. */
export interface VaultSnapshotTable {
  account_id: string;
  /** bigint: pg hands it out as text. */
  generation: ColumnType<string, number, never>;
  sealed_at: Timestamp;
  key_id: string;
  bytes: ColumnType<string, number, number>;
  /** Names of the backups that hold a copy. */
  copies: Generated<string[]>;
  /** The instance on whose disk it was sealed; null if it was sealed before that was written down. */
  sealed_by: ColumnType<string | null, string | null | undefined, string | null>;
}

/** The copies that the database itself holds, in pieces of 1 MiB. */
export interface VaultChunkTable {
  account_id: string;
  generation: ColumnType<string, number, never>;
  number: number;
  data: Buffer;
}

/** Up to when everything of a chat is known to be stored, and what its newest message looked like then. */
export interface ChatWatermarkTable {
  account_id: string;
  chat_id: string;
  at: Timestamp;
  mark: string;
}

/** The ledger of catch-ups. */
export interface CatchUpTable {
  id: GeneratedBigInteger;
  account_id: string;
  cause: string;
  /** What was read of the page: from the earliest chat's floor to the run's own start. */
  from_at: NullableTimestamp;
  to_at: NullableTimestamp;
  /** Messages and changes that the database lacked, and how many of them were new to it when they were stored. */
  found: Generated<number>;
  stored: Generated<number>;
  chats: Generated<number>;
  /** Chats that could not be read. */
  unread: Generated<number>;
  started_at: GeneratedTimestamp;
  /** Null while it is under way, or if it was cut off. */
  ended_at: NullableTimestamp;
}

/** Which inbound job of an account's run is to be stored next. */
export interface InboundPositionTable {
  account_id: string;
  run: string;
  next: ColumnType<string, number | string | undefined, number | string>;
  updated_at: GeneratedTimestamp;
}

/** What slows an account down beyond its limits. */
export interface AccountPaceTable {
  account_id: string;
  breaker: Generated<string>;
  opened_at: NullableTimestamp;
  opened_by: string | null;
  /** WhatsApp's own capping, as the page tells it. */
  capping: NullableJson;
  capping_until: NullableTimestamp;
  updated_at: GeneratedTimestamp;
}

/** The phone number behind a LID; both as chat ids (`…@lid`, `…@c.us`). */
export interface AddressTable {
  account_id: string;
  lid: string;
  phone: string;
  seen_at: Timestamp;
}

export interface ContactTable {
  account_id: string;
  /** The canonical chat id of the person. */
  contact_id: string;
  /** E.164. */
  phone_number: string | null;
  name: string | null;
  push_name: string | null;
  is_business: Generated<boolean>;
  updated_at: GeneratedTimestamp;
}

export interface ChatTable {
  account_id: string;
  chat_id: string;
  phone_number: string | null;
  name: string | null;
  last_message_at: NullableTimestamp;
  last_incoming_at: NullableTimestamp;
  /** The number of the last change in the chat; see MessageChangeTable. */
  last_seq: ColumnType<string, number | string | undefined, number | string>;
  /** The number of the last change that was told on; see change-feed-store.ts. */
  told_seq: ColumnType<string, number | string | undefined, number | string>;
  /** Generated: whether there are changes that were not told on. */
  is_behind: ColumnType<boolean, never, never>;
  unread: Generated<number>;
  updated_at: GeneratedTimestamp;
}

/** The latest vote of each voter; no options once it was taken back. */
export interface PollVoteTable {
  message_id: string;
  account_id: string;
  voter_id: string;
  /** Names of the options chosen. */
  options: JSONColumnType<string[], string, string>;
  voted_at: Timestamp;
}

/** Every version of an edited message, the original under the message's own time. */
export interface MessageEditTable {
  message_id: string;
  account_id: string;
  edited_at: Timestamp;
  /** Text, or the caption of media. */
  text: string | null;
}

/** What happened to messages, in order within each chat; written with the row that changed. */
export interface MessageChangeTable {
  id: GeneratedBigInteger;
  account_id: string;
  chat_id: string;
  chat_seq: ColumnType<string, number | string, never>;
  message_id: string;
  kind: string;
  created_at: GeneratedTimestamp;
  /** The transaction that wrote it; null for what is older than this column. */
  xid: ColumnType<string | null, never, never>;
}

/** How many messages of an account were added, less those that were deleted: the sum of its rows. Triggers write it. */
export interface MessageCountTable {
  id: GeneratedBigInteger;
  account_id: string;
  added: ColumnType<string, never, never>;
}

/** Files of media that lost a message or an upload that referred to them. Triggers write it. */
export interface MediaLeavingTable {
  id: GeneratedBigInteger;
  sha256: string;
  left_at: GeneratedTimestamp;
}

/** A named batch of sends of an account. */
export interface CampaignTable {
  id: string;
  account_id: string;
  name: string;
  /** See messages/campaign.ts. */
  status: string;
  total: number;
  created_at: GeneratedTimestamp;
  /** When it was completed or cancelled. */
  ended_at: NullableTimestamp;
}

/** One send of a campaign, at its place from 0 on. */
export interface CampaignItemTable {
  campaign_id: string;
  n: number;
  account_id: string;
  /** The chat id that was asked for. */
  recipient: string;
  /** What is to be sent, a SendRequest as JSON text, which holds what jsonb cannot; null once its message says it. */
  request: string | null;
  /** waiting, accepted, rejected. */
  state: Generated<string>;
  message_id: string | null;
  /** The message's timestamp, which tells where it lies. */
  accepted_at: NullableTimestamp;
  failed_code: string | null;
  failed_reason: string | null;
}

export interface TenantSettingTable {
  tenant_id: string;
  /** Null keeps messages for ever. */
  retention_days: number | null;
  updated_at: GeneratedTimestamp;
}

/** A secret of a webhook that was replaced: sealed, in base64, and until when it signs as well, in ISO 8601. */
export interface EarlierSecretJson {
  readonly sealed: string;
  readonly until: string;
}

export interface WebhookTable {
  id: string;
  tenant_id: string;
  /** Null for all accounts of the tenant. */
  account_id: string | null;
  url: string;
  description: string | null;
  events: ColumnType<string[], readonly string[], readonly string[]>;
  /** `enabled`, `disabled` by a user, `failed` since nothing was taken for days. */
  status: Generated<string>;
  status_since: GeneratedTimestamp;
  /** What happened before is none of its business: it was not there, or a user had disabled it. */
  owed_since: GeneratedTimestamp;
  /** Which transactions had ended then: `pg_snapshot` as text. Null for what is older than this column. */
  owed_after: ColumnType<string | null, never, string>;
  /** Sealed by the key ring, see webhooks/webhook-secrets.ts. */
  sealed_secret: Buffer;
  /** Those that sign as well, each until its own time is over; the newest first. */
  earlier_secrets: ColumnType<readonly EarlierSecretJson[], string | undefined, string>;
  /** The newest of those once more, for daemons of the version before: to be dropped when none of that runs any more. */
  sealed_previous: ColumnType<Buffer | null, Buffer | null | undefined, Buffer | null>;
  previous_until: NullableTimestamp;
  /** See webhooks/endpoint-breaker.ts. */
  failures: Generated<number>;
  failing_since: NullableTimestamp;
  rests_until: NullableTimestamp;
  /** Since when what waits is to be due at once; null once it is. See db/webhook-lane-upkeep.ts. */
  back_at: NullableTimestamp;
  created_by: string;
  created_at: GeneratedTimestamp;
}

/** What a webhook is owed: one row an event. */
export interface WebhookDeliveryTable {
  id: GeneratedBigInteger;
  webhook_id: string;
  /** The same for all webhooks, and whenever it is sent. */
  event_id: string;
  type: string;
  account_id: string | null;
  /** What is delivered in order, in that of `id`: a chat, or an account. */
  lane: string;
  /** The body, byte for byte as it is signed. */
  payload: string;
  created_at: GeneratedTimestamp;
  /** `pending`, `delivered`, `dead`. */
  status: Generated<string>;
  attempts: Generated<number>;
  first_tried_at: NullableTimestamp;
  next_try_at: GeneratedTimestamp;
  last_tried_at: NullableTimestamp;
  last_status: number | null;
  last_error: string | null;
  ended_at: NullableTimestamp;
}

/** A lane with pending deliveries: locked by whoever ends one of them, or adds some. */
export interface WebhookLaneTable {
  webhook_id: string;
  lane: string;
  /** When its first delivery is to be tried. */
  due_at: GeneratedTimestamp;
  /** By whom, and until when nobody else may try. */
  claimed_until: NullableTimestamp;
  claimed_by: string | null;
}

/** What the states of an account came to for webhooks, see webhooks/account-fold.ts. */
export interface WebhookAccountViewTable {
  account_id: string;
  /** The last row of session_events that it takes in. */
  event_id: ColumnType<string, string, string>;
  told_state: string | null;
  told_reason: string | null;
  held_state: string | null;
  held_reason: string | null;
  held_until: NullableTimestamp;
}

export interface Database {
  accounts: AccountTable;
  instances: InstanceTable;
  inbound_queues: InboundQueueTable;
  session_calls: SessionCallTable;
  vault_snapshots: VaultSnapshotTable;
  vault_chunks: VaultChunkTable;
  session_events: SessionEventTable;
  change_feed: ChangeFeedTable;
  messages: MessageTable;
  message_keys: MessageKeyTable;
  waiting_changes: WaitingChangeTable;
  message_reactions: MessageReactionTable;
  rejected_events: RejectedEventTable;
  account_usage: AccountUsageTable;
  media_uploads: MediaUploadTable;
  idempotency_keys: IdempotencyKeyTable;
  api_keys: ApiKeyTable;
  account_grants: AccountGrantTable;
  audit_log: AuditLogTable;
  chat_watermarks: ChatWatermarkTable;
  catch_ups: CatchUpTable;
  inbound_positions: InboundPositionTable;
  account_pace: AccountPaceTable;
  addresses: AddressTable;
  contacts: ContactTable;
  chats: ChatTable;
  poll_votes: PollVoteTable;
  message_edits: MessageEditTable;
  message_changes: MessageChangeTable;
  message_counts: MessageCountTable;
  media_leavings: MediaLeavingTable;
  tenant_settings: TenantSettingTable;
  campaigns: CampaignTable;
  campaign_items: CampaignItemTable;
  webhooks: WebhookTable;
  webhook_deliveries: WebhookDeliveryTable;
  webhook_lanes: WebhookLaneTable;
  webhook_account_views: WebhookAccountViewTable;
}
