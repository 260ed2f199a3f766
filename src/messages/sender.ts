import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import { Wake } from '../lib/wake.ts';
import type { OutboundJob } from '../queue/table.ts';
import { SendLoop } from './send-loop.ts';
import type { SendDeps } from './send-run.ts';

/** Sends the accepted messages of all connected accounts. Disposing stops every loop and waits for their ends. */
export interface Sender extends AsyncDisposable {
  /**
   * Sends an account's messages while it is connected; call it at each connection. Resolves when `signal` aborts
   * or a newer connection of the account takes over; never rejects.
   */
  run(session: ConnectedSession, signal: AbortSignal): Promise<void>;

  /** Says that an account has something to send. Of no consequence while it is not connected here. */
  wake(accountId: AccountId): void;
}

interface Run {
  readonly stop: AbortController;
  readonly wake: Wake;
  readonly ended: Promise<void>;
}

/** Opens the sender. It touches the database only while an account is connected. */
export function openSender(deps: SendDeps): Sender {
  const runs = new Map<AccountId, Run>();
  const handovers = new Map<MessageId, number>();
  let closed = false;

  async function runLoop(session: ConnectedSession, signal: AbortSignal, wake: Wake): Promise<void> {
    const log = deps.log.child({ accountId: session.accountId });
    await new SendLoop({ ...deps, log }, { session, signal, handovers }, wake).run();
  }

  return {
    async run(session, signal) {
      if (closed) return;
      const { accountId } = session;
      const before = runs.get(accountId);
      before?.stop.abort();
      const stop = new AbortController();
      const wake = new Wake();
      const over = AbortSignal.any([signal, stop.signal]);
      // One at a time: two loops of an account would each keep half of the truth about its chats.
      const ended = (before?.ended ?? Promise.resolve()).then(() => runLoop(session, over, wake));
      const run = { stop, wake, ended };
      runs.set(accountId, run);
      await ended;
      if (runs.get(accountId) === run) runs.delete(accountId);
    },

    wake(accountId) {
      runs.get(accountId)?.wake.wake();
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
export function makeOutboundProcessor(sender: Pick<Sender, 'wake'>): (job: OutboundJob) => Promise<void> {
  return async ({ accountId }) => sender.wake(accountId);
}
