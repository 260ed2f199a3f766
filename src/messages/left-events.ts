import type { InstanceId } from '../accounts/ids.ts';
import { waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from '../queue/connection.ts';
import type { ProcessJob } from '../queue/consumer.ts';
import { processLeftJobs } from '../queue/left-jobs.ts';

export interface LeftEventsDeps {
  readonly redis: OpenRedis;
  readonly ingest: ProcessJob<'inbound'>;
  readonly log: Logger;
}

export interface LeftEvents extends AsyncDisposable {
  /** Stores what an instance that is over has left in its queue; goes on until that is done. Returns at once. */
  takeOver(instanceId: InstanceId): void;
}

/**
 * What pages told an instance that ended before it was stored: the pages are gone with it, and WhatsApp does not hand it
 * over again. Disposing gives up what is not done: that instance does it when it is back.
 */
export function openLeftEvents({ redis, ingest, log }: LeftEventsDeps): LeftEvents {
  const closing = new AbortController();
  const underWay = new Map<InstanceId, Promise<void>>();

  const store = async (instanceId: InstanceId): Promise<void> => {
    const options = { redis, queue: 'inbound', instanceId, process: ingest, log } as const;
    for (let attempt = 1; !closing.signal.aborted; attempt += 1) {
      try {
        const count = await processLeftJobs(options, closing.signal);
        if (count > 0) log.info('What an instance left in its queue was stored', { from: instanceId, count });
        return;
      } catch (thrown) {
        const error = toError(thrown).message;
        log.debug('What an instance left in its queue could not be stored', { from: instanceId, error });
      }
      await waitMs(backoffDelayMs(attempt), closing.signal).catch(() => undefined);
    }
  };

  return {
    takeOver(instanceId) {
      if (closing.signal.aborted || underWay.has(instanceId)) return;
      underWay.set(
        instanceId,
        store(instanceId).finally(() => underWay.delete(instanceId)),
      );
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('The daemon is stopping.'));
      await Promise.all(underWay.values());
    },
  };
}
