import { waitMs } from '../lib/abort.ts';
import { isAppError } from '../lib/errors.ts';

/** How often the daemon is asked what has changed. A QR code lives for 20 s or more, and a person scans it in seconds. */
export const ASK_EVERY_MS = 1_000;

/** So many questions in a row may go unanswered: a daemon that starts again, or a network that changes, is back by then. */
const MAX_UNANSWERED = 5;

/** What the daemon answers, asked again while it is away for a moment. @throws AppError UNAVAILABLE if it stays away */
export async function askPatiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let unanswered = 0; ; unanswered += 1) {
    try {
      return await ask();
    } catch (thrown) {
      if (!isAppError(thrown, 'UNAVAILABLE') || unanswered === MAX_UNANSWERED) throw thrown;
    }
    await waitMs(ASK_EVERY_MS, signal);
  }
}
