import type { Account } from '../accounts/account.ts';
import { type AccountId, type CampaignId, makeCampaignId } from '../accounts/ids.ts';
import { findFieldProblems } from '../config/start-error.ts';
import { cancelCampaign, findCampaign, insertCampaign, saveCampaignRunning } from '../db/campaign-store.ts';
import type { Executor } from '../db/database.ts';
import { answerIdempotencyClaim, type IdempotencyClaim } from '../db/idempotency-store.ts';
import { transact } from '../db/transaction.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import type { Campaign } from './campaign.ts';
import { openFilesDeadline } from './files-deadline.ts';
import type { IdempotencyKeys } from './idempotency-keys.ts';
import type { AcceptOptions } from './outbox.ts';
import type { SendRequest } from './send-request.ts';

/** Keeps bytes that came with a request, to be named by `mediaId` from then on. */
export type KeepData = (
  accountId: AccountId,
  source: { readonly data: string; readonly mimeType: string },
) => Promise<{ readonly mediaId: string }>;

/** What a campaign consists of; its messages wait for room in the daily limit, whatever their requests say. */
export interface CampaignRequest {
  readonly name: string;
  readonly items: readonly SendRequest[];
}

export interface CreateOptions extends Pick<AcceptOptions, 'idempotencyKey' | 'requestHash'> {
  /** Done in the transaction that stores the campaign. */
  readonly alongside?: ((trx: Executor, campaignId: CampaignId) => Promise<void>) | undefined;
}

export interface Campaigns {
  /**
   * Creates a campaign that runs whenever its account is connected. With a key it is created once.
   * @throws AppError IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_CONFLICT, ACCOUNT_NOT_FOUND; VALIDATION_FAILED, TOO_LARGE,
   * UNSUPPORTED_MEDIA for the data of an item, which the field names; UNAVAILABLE if keeping the data takes too long
   */
  create(account: Pick<Account, 'id'>, request: CampaignRequest, options: CreateOptions): Promise<CampaignId>;
  /** From then on none of its items is accepted. @throws AppError CAMPAIGN_ENDED */
  pause(campaign: Campaign): Promise<void>;
  /** @throws AppError CAMPAIGN_ENDED */
  resume(campaign: Campaign): Promise<void>;
  /** Nothing of it leaves from then on that was not handed over. @throws AppError CAMPAIGN_ENDED if nothing of it waits */
  cancel(campaign: Campaign): Promise<void>;
}

export interface CampaignsDeps {
  readonly db: Executor;
  readonly keys: IdempotencyKeys;
  readonly keepData: KeepData;
  /** Wakes what accepts and sends, wherever the account is connected; returns at once. */
  readonly wake: (accountId: AccountId) => void;
  readonly clock: Clock;
  /** Milliseconds that the files of one request may take together; as ACCEPTANCE_TERMS has it if it is not given. */
  readonly filesMs?: number;
}

/** Makes what is done with campaigns. It holds nothing that needs closing. */
export function makeCampaigns(deps: CampaignsDeps): Campaigns {
  const { db, clock, keys } = deps;
  const save = async ({ id, accountId }: Campaign, isRunning: boolean) => {
    if (!(await saveCampaignRunning(db, id, isRunning))) throw await makeEnded(db, id);
    deps.wake(accountId);
  };
  return {
    async create({ id: accountId }, request, { idempotencyKey: key, requestHash, alongside }) {
      if (key === null) return createNew(deps, accountId, request, { alongside });
      return keys.once<CampaignId>(
        accountId,
        { key, requestHash },
        {
          fresh: (claim) => createNew(deps, accountId, request, { claim, alongside }),
          stored(earlier) {
            if (earlier.kind === 'stored') throw new AppError('IDEMPOTENCY_CONFLICT');
            return (earlier.answer as StoredCreation).campaignId;
          },
        },
      );
    },
    pause: (campaign) => save(campaign, false),
    resume: (campaign) => save(campaign, true),
    async cancel(campaign) {
      if (!(await cancelCampaign(db, campaign, new Date(clock.now()))))
        throw await makeEnded(db, campaign.id);
      deps.wake(campaign.accountId);
    },
  };
}

/** CAMPAIGN_ENDED, with what it has come to. */
async function makeEnded(db: Executor, id: CampaignId): Promise<AppError> {
  switch ((await findCampaign(db, id))?.status) {
    case 'cancelled':
      return new AppError('CAMPAIGN_ENDED', { message: 'The campaign was cancelled.' });
    case 'completed':
      return new AppError('CAMPAIGN_ENDED', {
        message: 'The campaign is completed: each of its items was accepted or rejected.',
      });
    default:
      return new AppError('CAMPAIGN_ENDED');
  }
}

/** What is kept of a creation, to be answered again. */
interface StoredCreation {
  readonly campaignId: CampaignId;
}

async function createNew(
  deps: CampaignsDeps,
  accountId: AccountId,
  { name, items }: CampaignRequest,
  { claim, alongside }: { readonly claim?: IdempotencyClaim } & Pick<CreateOptions, 'alongside'>,
): Promise<CampaignId> {
  using deadline = openFilesDeadline(deps.filesMs);
  const requests: SendRequest[] = [];
  for (const [nth, item] of items.entries())
    requests.push(await orAborted(withKeptData(deps, accountId, { nth, item }), deadline.signal));
  const id = makeCampaignId();
  await transact(deps.db, async (trx) => {
    await insertCampaign(trx, { id, accountId, name, requests });
    const stored: StoredCreation = { campaignId: id };
    // It took longer than a claim lives, and another request with the key is ahead.
    if (claim !== undefined && !(await answerIdempotencyClaim(trx, claim, stored)))
      throw new AppError('IDEMPOTENCY_IN_PROGRESS');
    await alongside?.(trx, id);
  });
  deps.wake(accountId);
  return id;
}

/** The item with its bytes, if it brings any, kept as an upload: they have no place in a row that waits. */
async function withKeptData(
  { keepData }: CampaignsDeps,
  accountId: AccountId,
  { nth, item }: { readonly nth: number; readonly item: SendRequest },
): Promise<SendRequest> {
  const { content } = item;
  if (content.kind !== 'media' || content.source.from !== 'data') return item;
  try {
    const { mediaId } = await keepData(accountId, content.source);
    return { ...item, content: { ...content, source: { from: 'upload', mediaId } } };
  } catch (thrown) {
    throw toErrorOfItem(thrown, nth);
  }
}

/** The same error, about the fields of this item. */
function toErrorOfItem(thrown: unknown, nth: number): unknown {
  if (!isAppError(thrown)) return thrown;
  const problems = findFieldProblems(thrown.details);
  if (problems.length === 0) return thrown;
  const { code, message, cause } = thrown;
  const details = problems.map((each) => ({ ...each, field: `items.${nth}.${each.field}` }));
  return new AppError(code, { message, details, cause });
}
