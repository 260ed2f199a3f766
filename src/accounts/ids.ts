import { AppError } from '../lib/errors.ts';
import { clampInstantMs } from '../lib/instant.ts';

/** A string that only the functions of this file hand out. */
type Branded<Name extends string> = string & { readonly __brand: Name };

/** UUID of an account. */
export type AccountId = Branded<'AccountId'>;
/** UUIDv7 of a message, ours, which carries the message's timestamp; WhatsApp's own key is a `MessageKey`. */
export type MessageId = Branded<'MessageId'>;
/** UUID of a campaign. */
export type CampaignId = Branded<'CampaignId'>;
/** Name of a tenant; embedded installations have one, `default`. */
export type TenantId = Branded<'TenantId'>;
/** Name of a daemon instance. */
export type InstanceId = Branded<'InstanceId'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(value: string): boolean {
  return UUID.test(value);
}

export function makeAccountId(): AccountId {
  return crypto.randomUUID() as AccountId;
}

/**
 * A new id for a message with this timestamp, in milliseconds since the epoch: a UUIDv7. The timestamp of a row never
 * changes, so its id alone tells in which partition it lies. What is outside the years 1970 to 9999 is moved into them,
 * as `clampInstantMs` does for the row.
 */
export function makeMessageId(atMs: number): MessageId {
  const time = clampInstantMs(atMs).toString(16).padStart(12, '0');
  // All but the time and the version is that of a random one.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}` as MessageId;
}

/** The timestamp of the message with this id; undefined for a UUID of another version, which names no message. */
export function messageIdToInstant(id: string): Date | undefined {
  const hex = id.replaceAll('-', '');
  if (hex[12] !== '7') return undefined;
  return new Date(Number.parseInt(hex.slice(0, 12), 16));
}

/** An account id from outside; anything that is no UUID is an account that does not exist. */
export function parseAccountId(value: string): AccountId {
  if (!isUuid(value)) throw new AppError('ACCOUNT_NOT_FOUND');
  return value.toLowerCase() as AccountId;
}

/** A message id from outside; anything that is no UUID is a message that does not exist. */
export function parseMessageId(value: string): MessageId {
  if (!isUuid(value)) throw new AppError('MESSAGE_NOT_FOUND');
  return value.toLowerCase() as MessageId;
}

export function makeCampaignId(): CampaignId {
  return crypto.randomUUID() as CampaignId;
}

/** A campaign id from outside; anything that is no UUID is a campaign that does not exist. */
export function parseCampaignId(value: string): CampaignId {
  if (!isUuid(value)) throw new AppError('CAMPAIGN_NOT_FOUND');
  return value.toLowerCase() as CampaignId;
}

/** An id of an API key from outside; anything that is no UUID is a key that does not exist. */
export function parseKeyId(value: string): string {
  if (!isUuid(value)) throw new AppError('KEY_NOT_FOUND');
  return value.toLowerCase();
}

/** An id of a webhook from outside; anything that is no UUID is a webhook that does not exist. */
export function parseWebhookId(value: string): string {
  if (!isUuid(value)) throw new AppError('WEBHOOK_NOT_FOUND');
  return value.toLowerCase();
}

/** An id of a delivery from outside; anything that is no such number is a delivery that does not exist. */
export function parseDeliveryId(value: string): string {
  if (!/^[1-9]\d{0,17}$/.test(value)) throw new AppError('DELIVERY_NOT_FOUND');
  return value;
}

export function isTenantName(value: string): boolean {
  return /^[\w.-]{1,64}$/.test(value);
}

export function parseTenantId(value: string): TenantId {
  if (!isTenantName(value)) {
    throw new AppError('VALIDATION_FAILED', {
      details: [{ field: 'tenant', message: 'Use 1 to 64 letters, digits, dots, hyphens or underscores.' }],
    });
  }
  return value as TenantId;
}

export function parseInstanceId(value: string): InstanceId {
  if (!/^[\w.-]{1,64}$/.test(value)) {
    throw new AppError('CONFIG_INVALID', {
      details: [
        { field: 'INSTANCE_ID', message: 'Use 1 to 64 letters, digits, dots, hyphens or underscores.' },
      ],
    });
  }
  return value as InstanceId;
}

export const DEFAULT_TENANT = 'default' as TenantId;
