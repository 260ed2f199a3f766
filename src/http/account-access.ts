import type { FastifyRequest } from 'fastify';
import { parseAccountId, parseMessageId } from '../accounts/ids.ts';
import { principalToScope } from '../accounts/principal.ts';
import { type AccountToday, findAccountToday } from '../db/account-directory.ts';
import type { Executor } from '../db/database.ts';
import { findMessage, type StoredMessage } from '../db/message-store.ts';
import { AppError } from '../lib/errors.ts';
import { getPrincipal } from './authentication.ts';

/**
 * The account that a request names, if who asks may see it. Agents and viewers see accounts that they were granted.
 * @throws AppError ACCOUNT_NOT_FOUND, also for another tenant's account
 */
export async function getVisibleAccount(
  db: Executor,
  request: FastifyRequest,
  accountId: string,
): Promise<AccountToday> {
  const id = parseAccountId(accountId);
  const found = await findAccountToday(db, principalToScope(getPrincipal(request)), id);
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
  const id = parseMessageId(messageId);
  const found = await findMessage(db, principalToScope(getPrincipal(request)), id);
  if (found === undefined) throw new AppError('MESSAGE_NOT_FOUND');
  return found;
}
