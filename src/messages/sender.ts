import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import type { OutboundJob } from '../queue/table.ts';
import type { CampaignFeeder } from './campaign-feeder.ts';
import { SendLoop } from './send-loop.ts';
import type { SendDeps } from './send-run.ts';

/** Sends the accepted messages of all connected accounts. Disposing stops every loop and waits for their ends. */
export interface Sender extends AsyncDisposable {
  /**
   * Sends an account's messages while it is connected; call it at each connection. Resolves when `signal` aborts
   * or a newer connection of the account takes over; never rejects.
   */
  run(session: ConnectedSession, signal: AbortSignal): Promise<void>;

  /** Says that an account has something to send. False, and of no consequence, while it is not connected here. */
  wake(accountId: AccountId): boolean;

  /** Says that the line of a connected account is up again: the pauses of its chats are over. */
  hearLineBack(accountId: AccountId): void;
}

interface Run {
  readonly stop: AbortController;
  readonly loop: SendLoop;
  readonly ended: Promise<void>;
}

/** Opens the sender. It touches the database only while an account is connected. */
export function openSender(deps: SendDeps): Sender {
  const runs = new Map<AccountId, Run>();
  const handovers = new Map<MessageId, number>();
  let closed = false;

  return {
    async run(session, signal) {
      if (closed) return;
      const { accountId } = session;
      const before = runs.get(accountId);
      before?.stop.abort();
      const stop = new AbortController();
      const over = AbortSignal.any([signal, stop.signal]);
      const log = deps.log.child({ accountId });
      const loop = new SendLoop({ ...deps, log }, { session, signal: over, handovers });
      // One at a time: two loops of an account would each keep half of the truth about its chats.
      const ended = (before?.ended ?? Promise.resolve()).then(() => loop.run());
      const run = { stop, loop, ended };
      runs.set(accountId, run);
      await ended;
      if (runs.get(accountId) === run) runs.delete(accountId);
    },

    wake(accountId) {
      const run = runs.get(accountId);
      run?.loop.wake();
      return run !== undefined;
    },

    hearLineBack(accountId) {
      runs.get(accountId)?.loop.endPauses();
    },

    async [Symbol.asyncDispose]() {
      closed = true;
      const open = [...runs.values()];
      for (const { stop } of open) stop.abort();
      await Promise.all(open.map(({ ended }) => ended));
    },
  };
}

/** The processor of the outbound queue: a job is a wake-up and is done once it has been heard. */
export function makeOutboundProcessor(
  sender: Pick<Sender, 'wake'>,
  feeder?: Pick<CampaignFeeder, 'wake'>,
): (job: OutboundJob) => Promise<void> {
  return async ({ accountId, messageId }) => {
    // A message that was accepted changes nothing for campaigns.
    if (messageId === undefined) feeder?.wake(accountId);
    sender.wake(accountId);
  };
}
