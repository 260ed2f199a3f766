import type { Readable } from 'node:stream';
import type { Announcements } from '../accounts/announcement.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Channel } from '../channels/channel.ts';
import type { Config } from '../config/config.ts';
import type { AccessChanges } from '../db/access-watch.ts';
import type { Executor } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Campaigns } from '../messages/campaigns.ts';
import type { ChangeFeed } from '../messages/change-feed.ts';
import type { Outbox } from '../messages/outbox.ts';
import type { MetricsText } from '../observability/metrics.ts';
import type { EventStream } from '../queue/event-stream.ts';
import type { SharedCalls } from '../queue/rate-limit-calls.ts';
import type { KeyRing } from '../vault/key-ring.ts';
import type { NewestSnapshot } from '../vault/vault.ts';
import type { VaultUpkeep } from '../vault/vault-upkeep.ts';
import type { WebhookDesk } from '../webhooks/webhooks.ts';
import type { OnAnswered } from './request-metrics.ts';

/** Takes a file in that will be named by `mediaId` in messages of its account. */
export interface MediaUploads {
  /** @throws AppError TOO_LARGE, VALIDATION_FAILED for an empty file */
  takeUpload(
    accountId: AccountId,
    stream: AsyncIterable<Uint8Array>,
    declared: { readonly declaredMimeType: string | null; readonly fileName: string | null },
  ): Promise<{ readonly mediaId: string }>;
}

/** Hands out the bytes of stored media. */
export interface MediaReader {
  /** @throws AppError MEDIA_NOT_FOUND */
  openRead(sha256: string): Promise<{ readonly stream: Readable; readonly fileSize: number }>;
}

/** What operators do with sealed sessions. */
export interface SealedSessions extends VaultUpkeep {
  findNewest(accountId: AccountId): Promise<NewestSnapshot>;
  /** Removes every snapshot that counts no more, and every copy of it: see `Vault`. */
  wipe(accountId: AccountId): Promise<boolean>;
}

/** The page that shows the queues, as a plugin for a scope that checks who asks. */
export interface Board {
  setBasePath(path: string): void;
  plugin(): unknown;
}

/** Resolves if the part answers; rejects if not. Called for each `GET /ready`. */
export type ReadinessCheck = () => Promise<unknown>;

/** Everything that the HTTP room calls. It owns none of it. */
export interface HttpDeps {
  readonly config: Config['http'];
  /** What a new account gets if the request does not say. */
  readonly accountDefaults: { readonly dailyLimit: number; readonly timezone: string };
  /** Messages that may leave an account in a minute; 0 means no limit. */
  readonly messageRateLimit: number;
  readonly instanceId: InstanceId;
  readonly db: Executor;
  readonly channel: Channel;
  readonly outbox: Outbox;
  readonly campaigns: Campaigns;
  readonly uploads: MediaUploads;
  readonly media: MediaReader;
  readonly vault: SealedSessions;
  readonly board: Board;
  readonly metrics: MetricsText;
  /** Where requests are counted for all instances. */
  readonly sharedCalls: SharedCalls;
  /** Told of each request that was answered. */
  readonly onAnswered: OnAnswered;
  /** What Socket.IO clients are told: of accounts, of messages, and by way of which they are told on all instances. */
  readonly announcements: Announcements;
  readonly feed: ChangeFeed;
  readonly events: EventStream;
  /** Seals what lies in Redis and opens an account. */
  readonly keyRing: Pick<KeyRing, 'sealSecret' | 'openSecret'>;
  readonly webhooks: WebhookDesk;
  /** Keys and grants that change while somebody is connected. */
  readonly accessChanges: AccessChanges;
  /** By the name under which `GET /ready` shows them: database, queue, lease. */
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The base path of the API. */
export const API_BASE = '/api/v1/whatsapp';
