import { clampInstantMs } from '../../lib/instant.ts';
import type {
  InboundEvent,
  MessageEvent,
  ReactionEvent,
  ReadPlace,
  VoteEvent,
} from '../../messages/inbound-event.ts';
import type { MessageContact, MessageLocation, MessageType } from '../../messages/message.ts';
import { type MessageKey, parseRawKey, parseWid } from '../../messages/whatsapp-key.ts';
import { parsePageAck, toPageAck } from './page-ack.ts';
import type { PageMessage, PageNews, PageReaction, PageVote } from './page-model.ts';

/** WhatsApp's message types that carry something a person wrote, and what we call them. */
const TYPES: Readonly<Record<string, MessageType>> = {
  chat: 'text',
  image: 'image',
  video: 'video',
  ptv: 'video',
  audio: 'audio',
  ptt: 'voice',
  document: 'document',
  sticker: 'sticker',
  location: 'location',
  live_location: 'location',
  vcard: 'contact',
  multi_vcard: 'contact',
  poll_creation: 'poll',
  revoked: 'revoked',
};

/** Types that are the page's own bookkeeping, or not there yet: they are not messages. */
export const NOT_MESSAGES: ReadonlySet<string> = new Set([
  'gp2',
  'e2e_notification',
  'notification',
  'notification_template',
  'broadcast_notification',
  'newsletter_notification',
  'call_log',
  'ciphertext',
  'protocol',
  'debug',
  'reaction',
  'poll_update',
]);

/** Of those, the ones that a chat does not count as unread: what is not there yet it does count. */
export const UNCOUNTED_TYPES: readonly string[] = [...NOT_MESSAGES].filter((type) => type !== 'ciphertext');

const MEDIA_TYPES: ReadonlySet<MessageType> = new Set([
  'image',
  'video',
  'audio',
  'voice',
  'document',
  'sticker',
]);

/** True if it carries a file: a kind that is not known here does if it says of what type. */
function hasMedia(message: PageMessage): boolean {
  const type = TYPES[message.type];
  return type === undefined ? textOrNull(message.mimetype) !== null : MEDIA_TYPES.has(type);
}

/** Chats whose messages are not to the business: status updates, broadcast lists, channels. */
function isConversation(chatId: string): boolean {
  return /@(c\.us|lid|g\.us)$/.test(chatId);
}

function canonicalChat(key: MessageKey, phone: string | undefined): string {
  return parseWid(phone) ?? key.chatId;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function locationOf(message: PageMessage): MessageLocation | null {
  if (typeof message.lat !== 'number' || typeof message.lng !== 'number') return null;
  const [name, ...address] = (message.loc ?? '').split('\n');
  return {
    latitude: message.lat,
    longitude: message.lng,
    ...(name ? { name } : {}),
    ...(address.length > 0 ? { address: address.join('\n') } : {}),
    ...(message.clientUrl ? { url: message.clientUrl } : {}),
  };
}

function vcardName(vcard: string): string {
  return /^FN[^:]*:(.*)$/m.exec(vcard)?.[1]?.trim() ?? '';
}

function contactsOf(message: PageMessage): MessageContact[] {
  const cards = message.vcardList ?? [
    { displayName: message.vcardFormattedName ?? '', vcard: message.body ?? '' },
  ];
  return cards.flatMap(({ displayName, vcard }) =>
    vcard ? [{ name: displayName || vcardName(vcard), vcard }] : [],
  );
}

function textOf(message: PageMessage, type: MessageType): string | null {
  switch (type) {
    case 'text':
    case 'other':
      return textOrNull(message.body);
    case 'poll':
      return textOrNull(message.pollName);
    default:
      return null;
  }
}

/** Seconds of the page, or now if it tells none, in milliseconds. */
function instantOf(message: PageMessage, now: number): number {
  return typeof message.t === 'number' && message.t > 0 ? clampInstantMs(message.t * 1000) : now;
}

/** Milliseconds of the page, within the calendar; null if it tells none. */
function millisecondsOf(told: unknown): number | null {
  return typeof told === 'number' && Number.isFinite(told) ? clampInstantMs(told) : null;
}

/** A message of the page as an event; undefined for what is no message to or from the business. */
export function pageMessageToEvent(
  message: PageMessage,
  options: { readonly recovered: boolean; readonly now: number },
): MessageEvent | undefined {
  const own = parseRawKey(message.id);
  if (own === undefined || NOT_MESSAGES.has(message.type) || !isConversation(own.chatId)) return undefined;
  const type = TYPES[message.type] ?? 'other';
  const key = type === 'revoked' ? (parseRawKey(message.revokedId) ?? own) : own;
  const isMedia = hasMedia(message);
  const { ack, reason } = toPageAck(message.ack, message.ackReason);
  const author = parseWid(message.authorPhone) ?? parseWid(message.author) ?? key.participant;
  return {
    kind: 'message',
    key,
    chatId: canonicalChat(key, message.chatPhone),
    at: instantOf(message, options.now),
    type,
    nativeType: message.type,
    text: textOf(message, type),
    caption: isMedia ? textOrNull(message.caption) : null,
    author: key.fromMe ? null : (author ?? canonicalChat(key, message.chatPhone)),
    authorName: textOrNull(message.notifyName),
    ack,
    ackReason: reason,
    media: isMedia
      ? {
          mimeType: textOrNull(message.mimetype),
          fileName: textOrNull(message.filename),
          fileSize: typeof message.size === 'number' ? message.size : null,
        }
      : null,
    location: type === 'location' ? locationOf(message) : null,
    contacts: type === 'contact' ? contactsOf(message) : null,
    poll:
      type === 'poll'
        ? {
            question: message.pollName ?? '',
            options: (message.pollOptions ?? []).map((option) => option.name ?? ''),
            multipleAnswers: message.pollSelectableOptionsCount !== 1,
          }
        : null,
    quoted: message.quotedStanzaID
      ? { bareId: message.quotedStanzaID, text: textOrNull(message.quotedText) }
      : null,
    mentions: (message.mentionedJidList ?? []).flatMap((wid) => parseWid(wid) ?? []),
    forwarded: message.isForwarded === true,
    editedAt: millisecondsOf(message.latestEditSenderTimestampMs),
    recovered: options.recovered,
  };
}

/** A message of the page that is read back, with the reactions to it and its votes; or its place, if it is none to us. */
export function pageMessageToReadPlace(message: PageMessage, now: number): ReadPlace {
  const event = pageMessageToEvent(message, { recovered: true, now });
  if (event === undefined) {
    const bareId = `unreadable ${JSON.stringify(message.id)}`;
    return { kind: 'unreadable', key: { bareId }, at: instantOf(message, now) };
  }
  const { key, chatId } = event;
  const named = { parentId: message.id };
  const reactions = message.reactions?.flatMap((each) => reactionToEvent({ ...each, ...named }, now) ?? []);
  const votes = message.votes?.flatMap((each) => voteToEvent({ ...each, ...named }, now) ?? []);
  return {
    ...event,
    ...(reactions && { reactions: reactions.map((each) => ({ ...each, key, chatId })) }),
    ...(votes && { votes: votes.map((each) => ({ ...each, key, chatId })) }),
  };
}

function reactionToEvent(reaction: PageReaction, now: number): ReactionEvent | undefined {
  const key = parseRawKey(reaction.parentId);
  const senderId = parseWid(reaction.senderPhone) ?? parseWid(reaction.sender);
  if (key === undefined || senderId === undefined || !isConversation(key.chatId)) return undefined;
  return {
    kind: 'reaction',
    key,
    chatId: canonicalChat(key, reaction.chatPhone),
    senderId,
    emoji: reaction.emoji ?? '',
    at: millisecondsOf(reaction.at) ?? now,
  };
}

function voteToEvent(vote: PageVote, now: number): VoteEvent | undefined {
  const key = parseRawKey(vote.parentId);
  const voterId = parseWid(vote.voterPhone) ?? parseWid(vote.voter);
  if (key === undefined || voterId === undefined || !isConversation(key.chatId)) return undefined;
  const choices = vote.choices.filter((place) => Number.isInteger(place) && place >= 0);
  const at = millisecondsOf(vote.at) ?? now;
  return { kind: 'vote', key, chatId: canonicalChat(key, vote.chatPhone), voterId, choices, at };
}

/** News about messages as an event; undefined for what concerns no message of a conversation. */
export function newsToEvent(news: PageNews, now: number): InboundEvent | undefined {
  switch (news.kind) {
    case 'message':
      return pageMessageToEvent(news.message, { recovered: false, now });
    case 'reaction':
      return reactionToEvent(news.reaction, now);
    case 'vote':
      return voteToEvent(news.vote, now);
    case 'ack':
    case 'edit':
    case 'revoke':
      return changeToEvent(news, now);
    case 'socket':
    case 'logout':
    case 'passkey':
    case 'storage-closed':
    case 'overflow':
      return undefined;
    default:
      return news satisfies never;
  }
}

function changeToEvent(
  news: Extract<PageNews, { kind: 'ack' | 'edit' | 'revoke' }>,
  now: number,
): InboundEvent | undefined {
  const { message } = news;
  const own = parseRawKey(message.id);
  if (own === undefined || !isConversation(own.chatId)) return undefined;
  const chatId = canonicalChat(own, message.chatPhone);
  switch (news.kind) {
    case 'ack': {
      const told = parsePageAck(news.ack, news.reason);
      return told && { kind: 'ack', key: own, chatId, ...told, at: now };
    }
    case 'edit': {
      const text = hasMedia(message) ? message.caption : (message.body ?? message.caption);
      if (message.type === 'revoked' || typeof text !== 'string') return undefined;
      const at = millisecondsOf(message.latestEditSenderTimestampMs) ?? now;
      return { kind: 'edit', key: own, chatId, text, at };
    }
    case 'revoke':
      return { kind: 'revoke', key: parseRawKey(message.revokedId) ?? own, chatId, at: now };
    default:
      return news satisfies never;
  }
}
