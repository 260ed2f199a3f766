import type { FastifyRequest } from 'fastify';
import { parseAccountId, parseMessageId } from '../accounts/ids.ts';
import { ROLES } from '../accounts/permissions.ts';
import { type AccountToday, findAccountToday } from '../db/account-directory.ts';
import type { Executor } from '../db/database.ts';
import { findMessage, type StoredMessage } from '../db/message-store.ts';
import { AppError } from '../lib/errors.ts';
import { getPrincipal } from './authentication.ts';

/**
 * The account that a request names, if who asks may see it. Agents and viewers see accounts that they were
 * granted; while nothing can be granted, that is none.
 * @throws AppError ACCOUNT_NOT_FOUND, also for another tenant's account
 */
export async function getVisibleAccount(
  db: Executor,
  request: FastifyRequest,
  accountId: string,
): Promise<AccountToday> {
  const { tenantId, role } = getPrincipal(request);
  const id = parseAccountId(accountId);
  const found = ROLES[role].seesAllAccounts ? await findAccountToday(db, tenantId, id) : undefined;
  if (found === undefined) throw new AppError('ACCOUNT_NOT_FOUND');
  return found;
}

/**
 * The message that a request names, if who asks may see its account.
 * @throws AppError MESSAGE_NOT_FOUND
 */
export async function getVisibleMessage(
  db: Executor,
  request: FastifyRequest,
  messageId: string,
): Promise<StoredMessage> {
  const { tenantId, role } = getPrincipal(request);
  const id = parseMessageId(messageId);
  const found = ROLES[role].seesAllAccounts ? await findMessage(db, tenantId, id) : undefined;
  if (found === undefined) throw new AppError('MESSAGE_NOT_FOUND');
  return found;
}
