import type { MessageStatus } from './message.ts';

/** What happens to messages, as it is counted; a message is counted once for each. */
export const COUNTED_EVENTS = {
  received: 'an incoming message was stored that was told live',
  recovered: 'an incoming message was stored that was read back after an absence',
  elsewhere: 'a message was stored that was sent on the phone or on another device',
  set_apart: 'an inbound event that cannot be stored was set apart',
  accepted: 'a message was accepted to be sent, deferred ones too',
  deferred: 'a message was accepted for a later day, since its day was full',
  refused: 'a message was turned away, since its day was full',
  handed: 'a message was claimed and is about to be handed to the page, for the first time',
  sent: "WhatsApp's server has a message of ours",
  delivered: 'it was delivered',
  read: 'it was read',
  played: 'it was played',
  failed: 'it failed for good',
  unknown: 'whether it left is not known',
  cancelled: 'it was taken back before it left',
} as const satisfies Readonly<Record<string, string>>;
export type CountedEvent = keyof typeof COUNTED_EVENTS;

/**
 * The stages of a message's way, and from which instant to which each is timed. Inbound ones are timed for each job, by the
 * event of it that has waited longest; what a catch-up found is not among them.
 */
export const MESSAGE_STAGES = {
  page_to_queue: 'the page has told of it, and nothing before it is still read back → Redis has it',
  page_to_stored: 'the same → it is committed in the database',
  job_to_stored: 'a job was taken out of the queue → it is committed',
  media_fetch: 'the page is asked for the bytes of a file → they are stored',
  accepted_to_handed:
    'accepted → claimed, about to be handed to the page; limits, pacing and the time offline are in it',
  handed_to_taken: 'handed to the page → the page has taken it',
  handed_to_acked: "claimed for the last time → WhatsApp's server has it, as far as we were told",
} as const satisfies Readonly<Record<string, string>>;
export type MessageStage = keyof typeof MESSAGE_STAGES;

/** What holds a message back: the messages a minute, or what paces beyond that (WhatsApp's own capping too). */
export const SEND_LIMITS = ['minute', 'pace'] as const;
export type SendLimit = (typeof SEND_LIMITS)[number];

/** Measures messages. Every call returns at once and never throws; none takes anything that names an account. */
export interface MessageMeter {
  /** Milliseconds of a clock that never jumps, for `took`. */
  now(): number;
  count(event: CountedEvent, by?: number): void;
  /** A message of ours has this status from now on; those that are no event count nothing. */
  countStatus(status: MessageStatus): void;
  /** Milliseconds; fewer than 0, by clocks that disagree, count as 0. */
  took(stage: MessageStage, ms: number): void;
  /** A limit delays a message that would leave now. */
  delayed(limit: SendLimit): void;
}
