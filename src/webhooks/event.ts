import { createHash } from 'node:crypto';
import { ALERT_KINDS } from '../accounts/account.ts';
import { usagePercentage } from '../accounts/health.ts';
import type { AccountId, TenantId } from '../accounts/ids.ts';
import { REASONS, type ReasonCode } from '../accounts/reason.ts';
import { stateToConnectionStatus } from '../accounts/state.ts';
import type { HealthNews, LimitNews } from '../db/account-news-store.ts';
import type { AccountNews } from '../db/change-feed-store.ts';
import type { ToldChange } from './account-fold.ts';
import type { DeliveryType } from './event-types.ts';

/** Something that has happened, ready to be sent. */
export interface WebhookEventData {
  /** The same whenever it is written down. */
  readonly id: string;
  readonly type: DeliveryType;
  /** When it happened. */
  readonly at: Date;
  /** In which transaction, if it is known. */
  readonly xid?: string | null;
  readonly tenantId: TenantId;
  readonly accountId: AccountId | null;
  /** What is delivered in order. */
  readonly lane: string;
  readonly data: object;
}

/** The body that is sent. */
export function eventToPayload({ type, at, data }: Pick<WebhookEventData, 'type' | 'at' | 'data'>): string {
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}

/**
 * The id of what these parts name. It is a digest, since numbers of rows begin anew with a new database, and whoever receives
 * events passes over those whose ids it has seen.
 */
export function makeEventId(...parts: readonly string[]): string {
  return `evt_${createHash('sha256').update(parts.join('\n')).digest('base64url').slice(0, 27)}`;
}

interface AccountOf {
  readonly tenantId: TenantId;
  readonly accountId: AccountId;
}

/** A state that an account has come to, as users are told of it. */
export function stateToEvent({ tenantId, accountId }: AccountOf, change: ToldChange): WebhookEventData {
  const { state, reason, at } = change;
  return {
    id: makeEventId('state', accountId, state, String(at)),
    type: `account.${state}`,
    at: new Date(at),
    tenantId,
    accountId,
    lane: accountLane(accountId),
    data: {
      accountId,
      connectionStatus: stateToConnectionStatus(state),
      state,
      reason: reasonToData(reason),
      since: new Date(at).toISOString(),
    },
  };
}

/** Any other news of an account; undefined for what is told otherwise: that it needs a human is a state. */
export function newsToAccountEvent(news: AccountNews): WebhookEventData | undefined {
  const { tenantId, accountId, at, xid } = news;
  const content = newsToContent(news);
  if (content === undefined) return undefined;
  const { type, data } = content;
  const id = makeEventId('news', accountId, news.id);
  const lane = accountLane(accountId);
  return { id, type, at, xid, tenantId, accountId, lane, data: { accountId, ...data } };
}

function newsToContent(
  news: AccountNews,
): { readonly type: DeliveryType; readonly data: object } | undefined {
  switch (news.kind) {
    case 'state':
      return undefined;
    case 'alert': {
      const kind = ALERT_KINDS.find((each) => news.text?.startsWith(`${each}: `));
      if (kind === undefined || kind === 'needs_human') return undefined;
      const text = news.text?.slice(kind.length + 2) ?? '';
      return { type: 'account.critical', data: { kind, reason: reasonToData(news.reason), text } };
    }
    case 'health': {
      const { health, ...use } = news.data as HealthNews;
      return { type: 'account.health', data: { healthStatus: health, ...useToData(use) } };
    }
    case 'limit': {
      const { percent, ...use } = news.data as LimitNews;
      return { type: 'account.limit', data: { percent, ...useToData(use) } };
    }
    default:
      return news.kind satisfies never;
  }
}

function useToData(use: { readonly sentToday: number; readonly dailyLimit: number }) {
  const { sentToday: messagesSentToday, dailyLimit } = use;
  return { usagePercentage: usagePercentage(use), messagesSentToday, dailyLimit };
}

function reasonToData(code: string | null) {
  if (code === null || !Object.hasOwn(REASONS, code)) return null;
  const { text, userAction } = REASONS[code as ReasonCode];
  return { code, text, userAction };
}

export function chatLane(accountId: AccountId, chatId: string): string {
  return `${accountId} ${chatId}`;
}

function accountLane(accountId: AccountId): string {
  return accountId;
}
