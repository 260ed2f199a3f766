import type { FastifyRequest } from 'fastify';
import { parseAccountId, parseCampaignId, parseMessageId } from '../accounts/ids.ts';
import { principalToScope } from '../accounts/principal.ts';
import { type AccountToday, findAccountToday } from '../db/account-directory.ts';
import { findCampaign } from '../db/campaign-store.ts';
import type { Executor } from '../db/database.ts';
import { findMessage, type StoredMessage } from '../db/message-store.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { Campaign } from '../messages/campaign.ts';
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

/**
 * The campaign that a request names, with its account, if who asks may see that.
 * @throws AppError CAMPAIGN_NOT_FOUND
 */
export async function getVisibleCampaign(
  db: Executor,
  request: FastifyRequest,
  campaignId: string,
): Promise<{ readonly campaign: Campaign; readonly today: AccountToday }> {
  const campaign = await findCampaign(db, parseCampaignId(campaignId));
  if (campaign === undefined) throw new AppError('CAMPAIGN_NOT_FOUND');
  try {
    return { campaign, today: await getVisibleAccount(db, request, campaign.accountId) };
  } catch (thrown) {
    if (isAppError(thrown, 'ACCOUNT_NOT_FOUND')) throw new AppError('CAMPAIGN_NOT_FOUND');
    throw thrown;
  }
}
