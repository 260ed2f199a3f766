/**
 * The way of one message into the page. Its id and its claim are in the row before the page is given anything, and its key
 * stands in the key table, so that its echo never makes a second row.
 */
import { messageIdToInstant } from '../accounts/ids.ts';
import type { MessageGlimpse, PreparedSend } from '../channels/channel.ts';
import { findLids } from '../db/address-store.ts';
import type { HandedMessage, OutgoingMessage } from '../db/outbox-store.ts';
import { claimForSending } from '../db/send-claim.ts';
import { applyPageAck, markFailed, markNeverLeft, markUnknown } from '../db/send-result-store.ts';
import { isAppError, toError } from '../lib/errors.ts';
import type { ReadyContent } from './ready-content.ts';
import { learnRecipient } from './recipient.ts';
import type { Flight, SendFlights } from './send-flights.ts';
import {
  findRefusal,
  HOLD_MS,
  mayPass,
  QUOTES_NOTHING,
  RENEWED_LOOK_MS,
  type SendFailure,
} from './send-outcome.ts';
import type { LanedMessage } from './send-pace.ts';
import type { SendRun } from './send-run.ts';
import type { Check } from './unsettled.ts';
import type { MessageKey } from './whatsapp-key.ts';

/** Sends the next message of a chat: names it, claims it, hands it over. */
export async function sendNext(
  run: SendRun,
  message: LanedMessage,
  { flight, flights }: { readonly flight: Flight; readonly flights: SendFlights },
): Promise<void> {
  const { deps, unsettled } = run;
  try {
    const [found, mayLeave] = await Promise.all([prepare(run, message), run.pace.mayLeave(message)]);
    if (found === undefined || !mayLeave) return;
    const prepared = await run.query(learnRecipient(deps.db, message, found, run.date(), run.fence));
    deps.onStep?.('prepared');
    const names = [prepared.chatId, prepared.key.chatId];
    for (const name of names) unsettled.learnAlias(message.chatId, name);
    if (flights.isBehindLid(flight))
      names.push(...(await run.query(findLids(deps.db, message.accountId, prepared.chatId))));
    const isFirst = await flights.resolve(flight, names);
    run.signal.throwIfAborted();
    if (!isFirst || unsettled.isHeld(prepared.chatId, run.now())) return;
    // Before the claim: a store that is away must not leave a message whose outcome seems open.
    await using ready = await makeReady(run, message);
    if (ready === undefined) return;
    const { claim, outcome } = await run.claim(message.id, (by) =>
      claimForSending(deps.db, message, prepared, by),
    );
    // The chat turned out to be another one than was thought: it must not come straight back.
    if (outcome.kind === 'paced') unsettled.pause(message.chatId, run.now());
    // Another run may have claimed it at the last moment: the rest of its chat waits until its outcome is known.
    if (outcome.kind === 'gone') {
      run.sweeps.restart(run.now());
      // What is before it may leave at once now, or not for hours.
      unsettled.pauseIfAgain(message.chatId, run.now());
    }
    if (outcome.kind !== 'claimed') return;
    flights.claim(flight);
    deps.onStep?.('claim-committed');
    deps.onCounted?.(message.accountId);
    measureClaim(run, message, claim.at);
    unsettled.resume(message.chatId);
    const handed = {
      ...message,
      chatId: prepared.chatId,
      prepared,
      claim,
      isRepeatable: true,
      mayHaveLeft: false,
    };
    await handOver(run, handed, { ready, quoted: outcome.quoted, row: 'pending' });
  } catch (thrown) {
    // Whatever it is, it must not come straight back and keep the other chats from their turn.
    unsettled.pause(message.chatId, run.now());
    throw thrown;
  }
}

/** The id of a message tells when it was accepted. */
function measureClaim({ deps: { meter } }: SendRun, { id }: OutgoingMessage, at: Date): void {
  meter?.count('handed');
  const acceptedAt = messageIdToInstant(id);
  if (acceptedAt !== undefined) meter?.took('accepted_to_handed', at.getTime() - acceptedAt.getTime());
}

/** The message's id and chat; undefined if there are none now or never. */
function prepare(run: SendRun, message: OutgoingMessage): Promise<PreparedSend | undefined> {
  return obtain(run, message, {
    work: () =>
      run.line.watch(
        message.chatId,
        () => run.ask(() => run.session.prepareSend(message.chatId)),
        run.signal,
      ),
    failure: 'A recipient could not be resolved and is tried again',
    mayPass: (refusal) => run.mayOpen(message.id, refusal),
  });
}

/** What the message carries; undefined if it cannot be had now or ever. */
function makeReady(run: SendRun, message: OutgoingMessage): Promise<ReadyContent | undefined> {
  return obtain(run, message, {
    work: () => run.ready(message),
    failure: 'The file of a message could not be opened and is tried again',
  });
}

/** Something that a message needs before it is claimed. Without it the message is failed, or its chat pauses. */
async function obtain<T>(
  run: SendRun,
  message: OutgoingMessage,
  {
    work,
    failure,
    mayPass: mayBeOther = () => false,
  }: {
    readonly work: () => Promise<T>;
    readonly failure: string;
    /** True if the refusal may be another answer the next time. */
    readonly mayPass?: (refusal: SendFailure) => boolean;
  },
): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    run.signal.throwIfAborted();
    const error = toError(thrown);
    const refusal = findRefusal(error);
    if (refusal !== undefined && !mayBeOther(refusal)) {
      await fail(run, message, refusal, markNeverLeft);
      return undefined;
    }
    run.unsettled.pause(message.chatId, run.now());
    run.deps.log.warn(failure, { messageId: message.id, error: error.message });
    return undefined;
  }
}

/** What a claimed message is given to the page with. */
interface Handing {
  readonly ready: ReadyContent;
  /** The message that it answers. */
  readonly quoted: MessageKey | undefined;
  /** What its row says: one that is handed over again may be `unknown`. */
  readonly row: 'pending' | 'open';
}

/** Gives a claimed message to the page. It is on the list of checks for as long as its outcome is open. */
export async function handOver(
  run: SendRun,
  message: HandedMessage,
  { ready, quoted, row }: Handing,
): Promise<void> {
  const { deps, session, unsettled } = run;
  unsettled.hold(message, run.now());
  if (message.replyTo !== null && quoted === undefined) return failHanded(run, message, QUOTES_NOTHING);
  let glimpse: MessageGlimpse;
  const handedAt = run.now();
  try {
    glimpse = await run.ask(() => {
      run.give(message.id);
      const sent = session.send(message.prepared, ready.content, quoted === undefined ? {} : { quoted });
      deps.onStep?.('handed');
      return sent;
    });
    deps.onStep?.('page-took');
    deps.meter?.took('handed_to_taken', run.now() - handedAt);
  } catch (thrown) {
    run.signal.throwIfAborted();
    const error = toError(thrown);
    if (isAppError(error, 'SEND_WITHHELD')) {
      run.takeBack(message.id);
      return withhold(run, message, error);
    }
    const refusal = findRefusal(error);
    if (refusal !== undefined && mayPass(refusal, run.handovers.get(message.id) ?? 0)) {
      run.refuse(message.id);
      return withhold(run, message, error);
    }
    if (refusal !== undefined) return failHanded(run, message, refusal);
    deps.log.warn('Whether a message left is not known yet', {
      messageId: message.id,
      error: error.message,
    });
    return holdUnknown(run, message);
  }
  unsettled.resume(message.chatId);
  await adopt(run, message, glimpse, { row });
}

/** The page does not have the message: its chat waits, and it is handed over later under the id that it has. */
function withhold(run: SendRun, message: HandedMessage, { message: error }: Error): void {
  run.unsettled.hold(message, run.unsettled.pause(message.chatId, run.now()));
  run.deps.log.warn('A message could not be given to the page and is tried again', {
    messageId: message.id,
    error,
  });
}

/** As `markUnknown`, which keeps the instant of the first time. */
export async function markMessageUnknown(
  run: SendRun,
  message: HandedMessage,
  finding?: SendFailure,
): Promise<Date | undefined> {
  const at = run.date();
  const since = await run.query(markUnknown(run.deps.db, message, at, finding, run.fence));
  run.deps.onStep?.('unknown-written');
  // An earlier instant is another object: the message was unknown before.
  if (since === at) run.deps.meter?.count('unknown');
  return since;
}

/** Its chat waits for it, and it is looked up at once. */
async function holdUnknown(run: SendRun, message: HandedMessage): Promise<void> {
  const since = await markMessageUnknown(run, message);
  if (since === undefined) return run.settle(message.id);
  const now = run.now();
  run.unsettled.hold({ ...message, mayHaveLeft: true }, now, now + HOLD_MS);
}

/**
 * Writes an ack down that the page showed; that of a page which has it and nothing more is no news of a pending row. Without
 * one from the server, the message is looked at again later.
 */
export async function adopt(
  run: SendRun,
  message: HandedMessage,
  glimpse: MessageGlimpse,
  { row, check }: Pick<Handing, 'row'> & { readonly check?: Check },
): Promise<void> {
  const { deps, handovers, sweeps, unsettled } = run;
  const at = run.date();
  const isNews = glimpse.ack !== 0 || row !== 'pending';
  const learnt = isNews ? await run.query(applyPageAck(deps.db, message, glimpse, at, run.fence)) : undefined;
  deps.onStep?.('ack-written');
  if (learnt?.isAcked) deps.meter?.took('handed_to_acked', at.getTime() - message.claim.at.getTime());
  if (learnt?.status !== undefined) deps.meter?.countStatus(learnt.status);
  handovers.delete(message.id);
  if (glimpse.ack === 0 && check !== undefined) return watch(run, check);
  unsettled.settle(message.id);
  if (glimpse.ack === 0) sweeps.expectAck(run.now());
}

/** The page holds the message and the server has not confirmed it: it is read again later, over another line if need be. */
async function watch(run: SendRun, check: Check): Promise<void> {
  const { message } = check;
  const isNewLine = await run.line.renewFor(message, run.signal);
  const now = run.now();
  run.unsettled.watch(check, now);
  if (isNewLine) check.dueAt = now + RENEWED_LOOK_MS;
}

/**
 * Ends a message of which the page has nothing; one that may have left earlier keeps its slot of the day. If that cannot be
 * written down it is said again at the next look.
 */
export function failHanded(run: SendRun, message: HandedMessage, failure: SendFailure): Promise<void> {
  run.unsettled.refuse(message.id, failure);
  return fail(run, message, failure, message.mayHaveLeft ? markFailed : markNeverLeft);
}

/** Ends a message that will never leave. */
export async function fail(
  run: SendRun,
  message: OutgoingMessage,
  failure: SendFailure,
  mark: typeof markFailed,
): Promise<void> {
  const isEnded = await run.query(mark(run.deps.db, message, { ...failure, at: run.date() }, run.fence));
  run.deps.onStep?.('failure-written');
  if (isEnded) run.deps.meter?.count('failed');
  run.deps.onCounted?.(message.accountId);
  run.settle(message.id);
  run.unsettled.resume(message.chatId);
  run.deps.log.info('A message cannot be sent', { messageId: message.id, code: failure.code });
}
