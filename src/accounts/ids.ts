import { AppError } from '../lib/errors.ts';

/** A string that only the functions of this file hand out. */
type Branded<Name extends string> = string & { readonly __brand: Name };

/** UUID of an account. */
export type AccountId = Branded<'AccountId'>;
/** UUID of a message, ours; WhatsApp's own key is a `MessageKey`. */
export type MessageId = Branded<'MessageId'>;
/** Name of a tenant; embedded installations have one, `default`. */
export type TenantId = Branded<'TenantId'>;
/** Name of a daemon instance. */
export type InstanceId = Branded<'InstanceId'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function isUuid(value: string): boolean {
  return UUID.test(value);
}

export function makeAccountId(): AccountId {
  return crypto.randomUUID() as AccountId;
}

export function makeMessageId(): MessageId {
  return crypto.randomUUID() as MessageId;
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

export function parseTenantId(value: string): TenantId {
  if (!/^[\w.-]{1,64}$/.test(value)) {
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
