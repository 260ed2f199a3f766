import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import { messageToView } from '../http/message-view.ts';
import type { Clock } from '../lib/clock.ts';
import { type FanOut, makeFanOut } from '../webhooks/fan-out.ts';

/** What webhooks are owed of what the change feed reads: messages as the API shows them. */
export function makeWebhookFanOut(clock: Clock): FanOut {
  return makeFanOut({ messageToView, graceMs: DEFAULT_TIMINGS.announceGraceMs, clock });
}
