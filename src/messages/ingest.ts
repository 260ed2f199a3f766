import type { AccountId } from '../accounts/ids.ts';
import { findSqlState, isDataError } from '../db/data-error.ts';
import type { Executor } from '../db/database.ts';
import { findInboundPosition } from '../db/inbound-position.ts';
import type { IngestFigures } from '../db/ingest-figures.ts';
import { type IngestResult, ingestEvents, insertRejectedEvent } from '../db/ingest-store.ts';
import { waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Logger } from '../lib/logger.ts';
import type { InboundJob } from '../queue/table.ts';
import type { InboundEvent } from './inbound-event.ts';
import { InboundOrder } from './inbound-order.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';

export interface IngestDeps {
  readonly db: Executor;
  readonly log: Logger;
  readonly clock: Clock;
  /** Told after each commit, in an account's order; it returns at once and never throws. */
  readonly onStored?: (accountId: AccountId, result: IngestResult) => void;
  /** Told of each job once all of it is in the database; it returns at once and never throws. */
  readonly onPassed?: (job: InboundJob) => void;
  /** The queue has lost jobs of this account: what they carried is in its page. */
  readonly onGap?: (accountId: AccountId) => void;
  /** How long a job waits for those before it; milliseconds. */
  readonly lateMs?: number;
  readonly onStep?: OnMessageStep;
  readonly meter?: MessageMeter;
}

/**
 * The processor of inbound jobs. Resolves when every event of the job is in the database: stored, or set apart if it
 * cannot be. Jobs of one account are stored one after another, in the order in which its lane made them. While the
 * database is away it keeps trying; it rejects only with the signal's reason.
 */
export function makeIngest(deps: IngestDeps): (job: InboundJob, signal: AbortSignal) => Promise<void> {
  const serial = new KeyedSerial<AccountId>();
  const order = new InboundOrder({
    findPosition: ({ accountId, run }, signal) =>
      untilAnswered(deps, signal, () => findInboundPosition(deps.db, accountId, run)),
    onGap: (accountId) => {
      deps.log.warn('The queue has lost inbound events; the page will be read back', { accountId });
      deps.onGap?.(accountId);
    },
    ...(deps.lateMs === undefined ? {} : { lateMs: deps.lateMs }),
  });
  return async (job, signal) => {
    // One that comes again may come beside another.
    const store = () => serial.run(job.accountId, () => ingestJob(deps, job, signal));
    await order.inTurn(job, signal, store);
    deps.onPassed?.(job);
  };
}

async function ingestJob(deps: IngestDeps, job: InboundJob, signal: AbortSignal): Promise<void> {
  const { accountId, events } = job;
  deps.onStep?.('job-taken');
  const takenAt = deps.meter?.now() ?? 0;
  try {
    await store(deps, job, signal);
    deps.meter?.took('job_to_stored', deps.meter.now() - takenAt);
  } catch (thrown) {
    if (!isDataError(thrown)) throw thrown;
    // Somebody in the batch spoils it: one by one, each in its own transaction, the others come through.
    for (const event of events) await storeOrReject(deps, accountId, event, signal);
    await store(deps, { ...job, events: [] }, signal);
  }
}

async function storeOrReject(
  deps: IngestDeps,
  accountId: AccountId,
  event: InboundEvent,
  signal: AbortSignal,
): Promise<void> {
  try {
    await store(deps, { accountId, events: [event] }, signal);
  } catch (thrown) {
    if (!isDataError(thrown)) throw thrown;
    const error = toError(thrown).message;
    await untilAnswered(deps, signal, () => insertRejectedEvent(deps.db, accountId, event, error));
    deps.meter?.count('set_apart');
    // The database's own words may quote the content, so they stay in the table.
    deps.log.error('An inbound event cannot be stored and was set apart', {
      accountId,
      kind: event.kind,
      key: event.key,
      sqlState: findSqlState(thrown),
    });
  }
}

async function store(
  deps: IngestDeps,
  job: Pick<InboundJob, 'accountId' | 'events'> & Partial<InboundJob>,
  signal: AbortSignal,
): Promise<void> {
  const { accountId, events, run, n, catchUpId } = job;
  const place =
    run === undefined || n === undefined
      ? undefined
      : { run, n, ...(catchUpId === undefined ? {} : { catchUpId }) };
  const result = await untilAnswered(deps, signal, () =>
    ingestEvents(deps.db, accountId, events, new Date(deps.clock.now()), place),
  );
  deps.onStep?.('ingest-committed');
  if (deps.meter !== undefined) countFigures(deps.meter, result.figures);
  deps.onStored?.(accountId, result);
}

function countFigures(meter: MessageMeter, figures: IngestFigures): void {
  for (const event of ['received', 'recovered', 'elsewhere'] as const)
    if (figures[event] > 0) meter.count(event, figures[event]);
  for (const status of figures.statuses) meter.countStatus(status);
  for (const ms of figures.ackedAfterMs) meter.took('handed_to_acked', ms);
}

/** Repeats the work with growing pauses until it succeeds, blames the data, or the signal aborts. */
async function untilAnswered<T>(deps: IngestDeps, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (thrown) {
      if (isDataError(thrown)) throw thrown;
      deps.log.warn('The database does not take inbound events; trying again', {
        attempt,
        error: toError(thrown).message,
      });
    }
    await waitMs(backoffDelayMs(attempt), signal);
  }
}
