import { type Selectable, sql } from 'kysely';
import type { Account, Pairing } from '../accounts/account.ts';
import type { AccountId, InstanceId, TenantId } from '../accounts/ids.ts';
import { parseReasonCode } from '../accounts/reason.ts';
import { parseSessionState } from '../accounts/state.ts';
import type { AccountTable } from './schema.ts';

/** An account that was not deleted. */
export const isKept = sql<boolean>`deleted_at is null`;

export function rowToAccount(row: Selectable<AccountTable>): Account {
  return {
    id: row.id as AccountId,
    tenantId: row.tenant_id as TenantId,
    channel: row.channel,
    phoneNumber: row.phone_number ?? row.expected_phone_number,
    expectedPhoneNumber: row.expected_phone_number,
    displayName: row.display_name,
    profileName: row.profile_name,
    wid: row.wid,
    state: parseSessionState(row.state),
    reason: row.reason === null ? null : parseReasonCode(row.reason),
    since: row.state_since,
    wanted: row.wanted,
    linked: row.linked,
    firstLinkedAt: row.first_linked_at,
    pairing: row.pairing as Pairing,
    qr: row.qr,
    qrExpiresAt: row.qr_expires_at,
    pairingCode: row.pairing_code,
    pairingCodeExpiresAt: row.pairing_code_expires_at,
    lastError: row.last_error,
    dailyLimit: row.daily_limit,
    timezone: row.timezone,
    isActive: row.is_active,
    lastConnectedAt: row.last_connected_at,
    lastDisconnectedAt: row.last_disconnected_at,
    createdAt: row.created_at,
    instanceId: row.instance_id as InstanceId | null,
    isHeld: row.lease_run !== null,
  };
}
