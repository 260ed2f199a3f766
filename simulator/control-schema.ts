import { z } from 'zod';
import { conditionSchema } from './network/conditions.ts';
import { contentSchema } from './network/content.ts';
import { faultSchema } from './network/faults.ts';
import { settingsSchema } from './network/settings.ts';

const name = z.string().regex(/^[\w .-]{1,64}$/, 'a name has 1 to 64 letters, digits, spaces, dots, dashes');
const number = z.string().regex(/^\d{5,15}$/, 'a number is 5 to 15 digits with its country code');
const times = z.number().int().min(1).max(100);
const durationMs = z.number().int().min(0).max(600_000);
const messageId = z.string().regex(/^[0-9A-Za-z]{8,64}$/, 'a message id is 8 to 64 letters and digits');

const phoneOptions = {
  number: number.optional(),
  pushname: z.string().optional(),
  ids: z.enum(['_serialized', '$1']).optional(),
  addresses: z.enum(['phone', 'lid']).optional(),
  /** Reads every message as it comes: acks 2 and 3 follow by themselves. */
  autoRead: z.boolean().optional(),
  /** False: the phone is off, nothing reaches it until it is on again. */
  online: z.boolean().optional(),
  platform: z.string().optional(),
};

export const bodies = {
  settings: settingsSchema.partial(),
  phone: z.object({ name, ...phoneOptions }).strict(),
  phoneChange: z.object(phoneOptions).omit({ number: true }).strict(),
  scan: z.object({ qr: z.string().min(1) }).strict(),
  code: z.object({ code: z.string().min(8) }).strict(),
  passkey: z.object({ approve: z.boolean() }).strict(),
  message: z
    .object({
      to: z.string(),
      content: contentSchema,
      id: messageId.optional(),
      t: z.number().int().optional(),
    })
    .strict(),
  /** A name in the phone's address book; null strikes it out. */
  contact: z.object({ of: name, name: z.string().min(1).max(100).nullable() }).strict(),
  /** What WhatsApp limits for the account from now on; null lifts it, what is absent stays. */
  limits: z
    .object({
      timelock: z
        .object({ forMs: z.number().int().min(1), type: z.string().optional() })
        .strict()
        .nullable()
        .optional(),
      capping: z
        .object({
          /** Chats that may be started in a cycle (100), and those that were. */
          total: z.number().int().min(1).optional(),
          used: z.number().int().min(0).optional(),
          /** Follows from what is used unless it is given. */
          status: z.enum(['NONE', 'FIRST_WARNING', 'SECOND_WARNING', 'CAPPED']).optional(),
          cycleMs: z.number().int().min(1).optional(),
        })
        .strict()
        .nullable()
        .optional(),
    })
    .strict(),
  edit: z.object({ id: messageId, text: z.string() }).strict(),
  revoke: z.object({ id: messageId }).strict(),
  reaction: z.object({ target: messageId, emoji: z.string() }).strict(),
  vote: z.object({ target: messageId, options: z.array(z.string()) }).strict(),
  /** `chat`: a phone or a group. */
  read: z.object({ chat: z.string() }).strict(),
  played: z.object({ id: messageId }).strict(),
  /** An ack told to the sender's devices as it stands here, whatever happened. */
  ack: z
    .object({ id: messageId, ack: z.number().int().min(-7).max(4), error: z.number().int().optional() })
    .strict(),
  /** `navigate` false: the page only goes to UNPAIRED. */
  logout: z.object({ navigate: z.boolean().optional() }).strict(),
  group: z
    .object({
      subject: z.string().min(1),
      owner: z.string(),
      participants: z.array(z.string()),
      announce: z.boolean().optional(),
    })
    .strict(),
  groupChange: z
    .object({
      subject: z.string().min(1).optional(),
      add: z.array(z.string()).optional(),
      remove: z.array(z.string()).optional(),
      announce: z.boolean().optional(),
    })
    .strict(),
  burst: z
    .object({
      /** Phones that send, in turn; made if they do not exist. A phone and a receiver may be the same account's. */
      from: z.array(name).min(1),
      to: z.string(),
      count: z.number().int().min(1).max(100_000),
      /** Messages a second; all at once if absent. */
      rate: z.number().positive().optional(),
      /** Texts are this and a running number. */
      text: z.string().optional(),
      /** Every so many-th message is delivered twice: by the network (`network`) or by the page's events (`event`). */
      duplicateEvery: z.number().int().min(1).optional(),
      duplicateAs: z.enum(['network', 'event']).optional(),
      /** Every so many-th message's ack event comes before the message's. */
      ackFirstEvery: z.number().int().min(1).optional(),
      /** Answer at once and go on in the background. */
      background: z.boolean().optional(),
    })
    .strict(),
  action: z.discriminatedUnion('do', [
    z.object({ do: z.literal('reload'), phone: name.optional() }).strict(),
    z.object({ do: z.literal('push-state'), times, phone: name.optional() }).strict(),
    z.object({ do: z.literal('iframe'), times, phone: name.optional() }).strict(),
    z.object({ do: z.literal('navigate'), url: z.string(), phone: name.optional() }).strict(),
    z
      .object({ do: z.literal('state'), state: z.string().regex(/^[A-Z_]+$/), phone: name.optional() })
      .strict(),
    z.object({ do: z.literal('toggle-sync'), phone: name.optional() }).strict(),
    /** The QR reference turns null, which the library tells like any other. */
    z.object({ do: z.literal('null-ref'), phone: name.optional() }).strict(),
    z.object({ do: z.literal('busy'), ms: durationMs, phone: name.optional() }).strict(),
    /** The line is cut and stays down that long; `toggleSync`: hasSynced goes false and true again after it. */
    z
      .object({
        do: z.literal('drop'),
        ms: durationMs,
        toggleSync: z.boolean().optional(),
        phone: name.optional(),
      })
      .strict(),
    /** What comes is stored and receipted, and shown to nobody until `show`, which shows it as fast as it can. */
    z.object({ do: z.literal('hold'), phone: name.optional() }).strict(),
    z.object({ do: z.literal('show'), phone: name.optional() }).strict(),
    /** The line stays open, but nothing passes it any more. */
    z.object({ do: z.literal('freeze'), phone: name.optional() }).strict(),
    z.object({ do: z.literal('thaw'), phone: name.optional() }).strict(),
  ]),
  qr: z.object({ do: z.enum(['rotate', 'exhaust']) }).strict(),
  server: z.object({ up: z.boolean() }).strict(),
  fault: faultSchema,
  /** A page of the truth: what lies beyond `after`, of all or of one phone. */
  truthPage: z
    .object({
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(10_000).optional(),
      phone: name.optional(),
    })
    .strict(),
  wait: z.object({ condition: conditionSchema, timeoutMs: z.number().int().min(1).max(600_000) }).strict(),
} as const;

export type Bodies = { [K in keyof typeof bodies]: z.input<(typeof bodies)[K]> };
