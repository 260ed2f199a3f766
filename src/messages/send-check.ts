/**
 * What becomes of a message whose outcome is open: it is looked up in the page, in both address dialects, before anything
 * is decided about it.
 */
import type { MessageGlimpse } from '../channels/channel.ts';
import { UNKNOWN_KEPT_MS } from '../db/outbox-store.ts';
import { claimAgain } from '../db/send-claim.ts';
import { findMessageStatus, markFailed } from '../db/send-result-store.ts';
import { toError } from '../lib/errors.ts';
import { adopt, fail, failHanded, handOver, markMessageUnknown } from './hand-over.ts';
import type { ReadyContent } from './ready-content.ts';
import {
  absenceToStep,
  FULL_LOOK_MS,
  findRefusal,
  GIVEN_UP,
  HOLD_MS,
  holdMs,
  type SendFailure,
} from './send-outcome.ts';
import type { SendRun } from './send-run.ts';
import type { Check } from './unsettled.ts';

/** Looks a handed message up and does what follows from it. */
export async function lookUp(run: SendRun, check: Check): Promise<void> {
  const { message } = check;
  const status = await run.query(findMessageStatus(run.deps.db, message.id));
  if (status !== 'pending' && status !== 'unknown') return run.settle(message.id);
  if (check.refusal !== undefined) return failHanded(run, message, check.refusal);
  let glimpse: MessageGlimpse | undefined;
  try {
    glimpse = await run.ask(() => run.session.findMessage(message.prepared));
  } catch (thrown) {
    run.signal.throwIfAborted();
    run.deps.log.debug('A message could not be looked up in the page', {
      messageId: message.id,
      error: toError(thrown).message,
    });
    return check.isSeen ? run.unsettled.watch(check, run.now()) : stayUnknown(run, check);
  }
  if (glimpse !== undefined)
    return adopt(run, message, glimpse, { row: status === 'pending' ? status : 'open', check });
  await settleAbsent(run, check);
}

async function settleAbsent(run: SendRun, check: Check): Promise<void> {
  const { message } = check;
  const step = absenceToStep({
    givenHere: run.isGivenHere(message),
    isRepeatable: message.isRepeatable,
    handovers: run.handovers.get(message.id) ?? 0,
  });
  switch (step) {
    case 'hand-over':
      return repeat(run, check);
    case 'look-again':
      return stayUnknown(run, check);
    case 'give-up':
      check.message = { ...message, isRepeatable: false };
      run.deps.log.error('A message was given up: whether it left is not known', { messageId: message.id });
      return stayUnknown(run, check, GIVEN_UP);
    default:
      return step satisfies never;
  }
}

/** Hands the message over again, under the id that it has. */
async function repeat(run: SendRun, check: Check): Promise<void> {
  const { message } = check;
  const { deps, unsettled } = run;
  await using ready = await makeReady(run, check);
  if (ready === undefined) return;
  const { claim, outcome } = await run.claim(message.id, (by) => claimAgain(deps.db, message, by));
  switch (outcome.kind) {
    case 'claimed':
      break;
    case 'later':
      check.dueAt = run.now() + outcome.delayMs;
      return;
    case 'full':
      // Nothing else of the chat may leave on this date either.
      return unsettled.postpone(check, {
        now: run.now(),
        holdsUntil: Number.POSITIVE_INFINITY,
        atMostMs: FULL_LOOK_MS,
      });
    case 'gone':
      // An ack may have come meanwhile, or the finding that nothing can be concluded: the next search tells.
      return run.settle(message.id);
    default:
      return outcome satisfies never;
  }
  deps.onStep?.('reclaim-committed');
  deps.onCounted?.(message.accountId);
  deps.log.info('A message that the page does not know is handed over again under its id', {
    messageId: message.id,
  });
  await handOver(run, { ...message, claim }, { ready, quoted: outcome.quoted, row: 'open' });
}

/** What the message carries; without it the message is failed, as far as this page goes, or looked up again later. */
async function makeReady(run: SendRun, check: Check): Promise<ReadyContent | undefined> {
  try {
    return await run.ready(check.message);
  } catch (thrown) {
    run.signal.throwIfAborted();
    const error = toError(thrown);
    const refusal = findRefusal(error);
    if (refusal === undefined) {
      run.deps.log.warn('The file of a message could not be opened and is tried again', {
        messageId: check.message.id,
        error: error.message,
      });
      await stayUnknown(run, check);
    } else {
      await fail(run, check.message, refusal, markFailed);
    }
    return undefined;
  }
}

/**
 * It is looked up again after a pause, for as long as unknown messages are kept. One that may be handed over again holds its
 * chat from the first look of this connection on, as nobody looked while there was none; else its age alone counts.
 */
async function stayUnknown(run: SendRun, check: Check, finding?: SendFailure): Promise<void> {
  const { deps, unsettled } = run;
  const { id, claim } = check.message;
  const since = await markMessageUnknown(run, check.message, finding);
  if (since === undefined) return run.settle(id);
  const date = deps.clock.now();
  if (date - claim.at.getTime() > UNKNOWN_KEPT_MS) return run.settle(id);
  const now = run.now();
  const holdsUntil = check.message.isRepeatable
    ? Math.min(check.isSeen ? Number.POSITIVE_INFINITY : check.holdsUntil, now + HOLD_MS)
    : now + holdMs(since.getTime(), date);
  unsettled.postpone(check, { now, holdsUntil });
}
