import { z } from 'zod';
import type { StoredMessage } from '../db/message-store.ts';
import { ERROR_CATALOGUE, type ErrorCode } from '../lib/errors.ts';
import { MESSAGE_STATUSES, MESSAGE_TYPES, type MediaStatus } from '../messages/message.ts';
import { API_BASE } from './context.ts';

const instant = z.string().nullable().meta({ format: 'date-time' });

/** Where the bytes of a message's media are. */
const MEDIA_STATUSES = ['pending', 'stored', 'gone', 'failed'] as const satisfies readonly MediaStatus[];

export const directionSchema = z.enum(['incoming', 'outgoing']);
export const statusSchema = z.enum(MESSAGE_STATUSES);

/** Types of messages that carry a file. */
export const MEDIA_TYPES = ['image', 'video', 'audio', 'voice', 'document', 'sticker'] as const;

export const messageSchema = z
  .object({
    messageId: z.string().meta({ format: 'uuid', description: 'Ours.' }),
    whatsappMessageId: z
      .string()
      .nullable()
      .meta({ description: "WhatsApp's serialised key.", examples: ['true_491700000001@c.us_3EB0A1B2C3'] }),
    accountId: z.string().meta({ format: 'uuid' }),
    chatId: z.string().meta({ examples: ['491700000001@c.us'] }),
    phoneNumber: z
      .string()
      .nullable()
      .meta({
        description: 'E.164; null in groups and where WhatsApp hides it.',
        examples: ['+491700000001'],
      }),
    direction: directionSchema,
    type: z.enum(MESSAGE_TYPES),
    author: z
      .string()
      .nullable()
      .meta({
        description: 'Who wrote an incoming message; in groups the participant.',
        examples: ['491700000001@c.us'],
      }),
    authorName: z.string().nullable(),
    text: z.string().nullable(),
    location: z
      .object({
        latitude: z.number(),
        longitude: z.number(),
        name: z.string().optional(),
        address: z.string().optional(),
        url: z.string().optional(),
      })
      .nullable(),
    contacts: z.array(z.object({ name: z.string(), vcard: z.string() })).nullable(),
    poll: z
      .object({ question: z.string(), options: z.array(z.string()), multipleAnswers: z.boolean() })
      .nullable(),
    mediaUrl: z
      .string()
      .nullable()
      .meta({ description: 'Path of the file; null until it is stored, and if it is not to be had.' }),
    mediaStatus: z.enum(MEDIA_STATUSES).nullable().meta({
      description:
        'Where the file is: still to be fetched, stored, gone from WhatsApp, or given up. Null for what has none.',
    }),
    mediaType: z.enum(MEDIA_TYPES).nullable(),
    mimeType: z.string().nullable(),
    fileName: z.string().nullable(),
    fileSize: z.int().nullable().meta({ description: 'Bytes.' }),
    caption: z.string().nullable(),
    replyTo: z.string().nullable().meta({
      description: "The message that this one answers: our id, or WhatsApp's if we do not hold it.",
    }),
    status: statusSchema,
    failedReason: z
      .string()
      .nullable()
      .meta({
        description: 'Code of what went wrong, and what WhatsApp said of it.',
        examples: ['NOT_ON_WHATSAPP', 'SEND_REFUSED: 463'],
      }),
    timestamp: z.string().meta({ format: 'date-time' }),
    handedAt: instant.meta({ description: 'When it was given to the WhatsApp page.' }),
    sentAt: instant,
    deliveredAt: instant,
    readAt: instant,
    playedAt: instant,
    editedAt: instant,
    revokedAt: instant,
    reactions: z
      .array(
        z.object({
          senderId: z.string().meta({ examples: ['491700000001@c.us'] }),
          emoji: z.string().meta({ examples: ['👍'] }),
          at: z.string().meta({ format: 'date-time' }),
        }),
      )
      .meta({
        description: 'The reaction of each person who has one, oldest first; our own has our own id.',
      }),
    votes: z
      .array(
        z.object({
          voterId: z.string().meta({ examples: ['491700000001@c.us'] }),
          options: z.array(z.string()).meta({ examples: [['now', 'later']] }),
          at: z.string().meta({ format: 'date-time' }),
        }),
      )
      .nullable()
      .meta({ description: 'What each person chose in a poll, oldest first; null for what is no poll.' }),
    versions: z
      .array(z.object({ text: z.string().nullable(), at: z.string().meta({ format: 'date-time' }) }))
      .meta({
        description:
          'Of an edited message what it said at first and after each edit, as far as it was seen; else empty.',
      }),
    recovered: z.boolean().meta({ description: 'Read back after an absence instead of told live.' }),
  })
  .meta({
    id: 'Message',
    examples: [
      {
        messageId: '019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10',
        whatsappMessageId: 'true_491700000001@c.us_3EB0A1B2C3',
        accountId: '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10',
        chatId: '491700000001@c.us',
        phoneNumber: '+491700000001',
        direction: 'outgoing',
        type: 'text',
        author: null,
        authorName: null,
        text: 'Your parcel is here.',
        location: null,
        contacts: null,
        poll: null,
        mediaUrl: null,
        mediaStatus: null,
        mediaType: null,
        mimeType: null,
        fileName: null,
        fileSize: null,
        caption: null,
        replyTo: null,
        status: 'delivered',
        failedReason: null,
        timestamp: '2026-01-31T08:00:00.000Z',
        handedAt: '2026-01-31T08:00:00.400Z',
        sentAt: '2026-01-31T08:00:00.900Z',
        deliveredAt: '2026-01-31T08:00:02.000Z',
        readAt: null,
        playedAt: null,
        editedAt: null,
        revokedAt: null,
        reactions: [{ senderId: '491700000001@c.us', emoji: '👍', at: '2026-01-31T08:01:00.000Z' }],
        votes: null,
        versions: [],
        recovered: false,
      },
    ],
  });

export type MessageView = z.output<typeof messageSchema>;

/** The message as the API shows it. */
export function messageToView(message: StoredMessage): MessageView {
  const { media, failure } = message;
  return {
    messageId: message.id,
    whatsappMessageId: message.whatsappMessageId,
    accountId: message.accountId,
    chatId: message.chatId,
    phoneNumber: message.phoneNumber,
    direction: message.direction,
    type: message.type,
    author: message.author,
    authorName: message.authorName,
    text: message.text,
    location: message.location,
    contacts: message.contacts === null ? null : [...message.contacts],
    poll: message.poll === null ? null : { ...message.poll, options: [...message.poll.options] },
    mediaUrl: media?.status === 'stored' ? `${API_BASE}/messages/${message.id}/media` : null,
    mediaStatus: media?.status ?? null,
    mediaType: MEDIA_TYPES.find((type) => type === message.type) ?? null,
    mimeType: media?.mimeType ?? null,
    fileName: media?.fileName ?? null,
    fileSize: media?.fileSize ?? null,
    caption: message.caption,
    replyTo: message.replyTo,
    status: message.status,
    failedReason: failure === null ? null : failureToText(failure),
    timestamp: message.timestamp.toISOString(),
    handedAt: toIso(message.handedAt),
    sentAt: toIso(message.sentAt),
    deliveredAt: toIso(message.deliveredAt),
    readAt: toIso(message.readAt),
    playedAt: toIso(message.playedAt),
    editedAt: toIso(message.editedAt),
    revokedAt: toIso(message.revokedAt),
    reactions: message.reactions.map(({ senderId, emoji, at }) => ({
      senderId,
      emoji,
      at: at.toISOString(),
    })),
    votes:
      message.type === 'poll'
        ? message.votes.map(({ voterId, options, at }) => ({
            voterId,
            options: [...options],
            at: at.toISOString(),
          }))
        : null,
    versions: message.versions.map(({ text, at }) => ({ text, at: at.toISOString() })),
    recovered: message.recovered,
  };
}

function toIso(instant: Date | null): string | null {
  return instant?.toISOString() ?? null;
}

/** The code, and what WhatsApp said where it said more than the code does. */
function failureToText({ code, reason }: NonNullable<StoredMessage['failure']>): string | null {
  if (code === null || reason === null) return code ?? reason;
  const isKnown =
    Object.hasOwn(ERROR_CATALOGUE, code) && ERROR_CATALOGUE[code as ErrorCode].message === reason;
  return isKnown ? code : `${code}: ${reason}`;
}
