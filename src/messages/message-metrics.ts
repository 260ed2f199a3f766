import type { Clock } from '../lib/clock.ts';
import { type Metrics, STAGE_BUCKETS } from '../observability/metrics.ts';
import type { MessageStatus } from './message.ts';
import {
  COUNTED_EVENTS,
  type CountedEvent,
  MESSAGE_STAGES,
  type MessageMeter,
  type MessageStage,
  SEND_LIMITS,
} from './message-meter.ts';

/** Of what a page or a server tells; whoever decides the others counts them. */
const EVENT_OF_STATUS: Readonly<Record<MessageStatus, CountedEvent | null>> = {
  pending: null,
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  played: 'played',
  failed: 'failed',
  deferred: null,
  cancelled: null,
  unknown: null,
};

/** Measures messages of this daemon. All counters start again with it. */
export function measureMessages(metrics: Metrics, clock: Pick<Clock, 'monotonic'>): MessageMeter {
  const count = metrics.counter({
    name: 'switchboard_messages_total',
    help: 'Messages by what has happened to them, once each.',
    label: 'event',
    values: Object.keys(COUNTED_EVENTS) as CountedEvent[],
  });
  const observe = metrics.histogram({
    name: 'switchboard_message_stage_seconds',
    help: 'How long messages take for each stage of their way.',
    label: 'stage',
    values: Object.keys(MESSAGE_STAGES) as MessageStage[],
    buckets: STAGE_BUCKETS,
  });
  const delayed = metrics.counter({
    name: 'switchboard_send_delays_total',
    help: 'Messages that a limit has delayed, once each time that one is next in line.',
    label: 'limit',
    values: SEND_LIMITS,
  });
  return {
    now: () => clock.monotonic(),
    count,
    countStatus: (status) => {
      const event = EVENT_OF_STATUS[status];
      if (event !== null) count(event);
    },
    took: (stage, ms) => observe(stage, Math.max(0, ms) / 1_000),
    delayed,
  };
}
