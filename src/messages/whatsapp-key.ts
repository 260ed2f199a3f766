/**
 * WhatsApp's own name of a message, in all the dialects it comes in, and the ids of chats.
 *
 * The page of today writes the serialised key as `$1`, earlier ones as `_serialized` (fact A1); participants and
 * chats come as strings or as objects. Nothing outside this file may look at those shapes.
 */
export interface MessageKey {
  readonly fromMe: boolean;
  /** The chat's id as the page wrote it: `…@c.us`, `…@lid`, `…@g.us`. */
  readonly chatId: string;
  /** The id within the chat, e.g. `3EB0…`; the part that two dialects of one message share. */
  readonly bareId: string;
  /** Who wrote it, in groups. */
  readonly participant: string | null;
}

/** `<true|false>_<chat>_<id>[_<participant>]`, the form that the library and the API use. */
export function keyToString(key: MessageKey): string {
  const head = `${key.fromMe}_${key.chatId}_${key.bareId}`;
  return key.participant === null ? head : `${head}_${key.participant}`;
}

/** The inverse of `keyToString`; undefined if the text is no key. */
export function parseKeyString(text: string): MessageKey | undefined {
  const match = /^(true|false)_([^_@]+@[^_]+)_([^_]+)(?:_(.+))?$/.exec(text);
  if (!match) return undefined;
  const [, fromMe, chatId, bareId, participant] = match;
  if (chatId === undefined || bareId === undefined) return undefined;
  return { fromMe: fromMe === 'true', chatId, bareId, participant: participant ?? null };
}

/** A Wid in any shape (string, `{_serialized}`, `{$1}`, `{user, server}`) as its string. */
export function parseWid(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw === '' ? undefined : raw.replace(/@s\.whatsapp\.net$/, '@c.us');
  if (typeof raw !== 'object' || raw === null) return undefined;
  const wid = raw as Record<string, unknown>;
  const serialized = wid._serialized ?? wid.$1;
  if (typeof serialized === 'string') return parseWid(serialized);
  if (typeof wid.user === 'string' && typeof wid.server === 'string')
    return parseWid(`${wid.user}@${wid.server}`);
  return undefined;
}

/** A message key in any dialect of the page; undefined if it is none. */
export function parseRawKey(raw: unknown): MessageKey | undefined {
  if (typeof raw === 'string') return parseKeyString(raw);
  if (typeof raw !== 'object' || raw === null) return undefined;
  const key = raw as Record<string, unknown>;
  const serialized = key._serialized ?? key.$1;
  const fromText = typeof serialized === 'string' ? parseKeyString(serialized) : undefined;
  const chatId = parseWid(key.remote) ?? fromText?.chatId;
  const bareId = typeof key.id === 'string' ? key.id : fromText?.bareId;
  if (chatId === undefined || bareId === undefined || bareId === '') return undefined;
  return {
    fromMe: typeof key.fromMe === 'boolean' ? key.fromMe : (fromText?.fromMe ?? false),
    chatId,
    bareId,
    participant: parseWid(key.participant) ?? fromText?.participant ?? null,
  };
}

/** The phone number of a personal chat as E.164; null for groups, LIDs and everything else. */
export function chatIdToPhoneNumber(chatId: string): string | null {
  const match = /^(\d{5,20})(?::\d+)?@(?:c\.us|s\.whatsapp\.net)$/.exec(chatId);
  return match ? `+${match[1]}` : null;
}

const PHONE_NUMBER = /^\+\d{7,15}$/;
const CHAT_ID = /^[\w.:-]{3,64}@(?:c\.us|s\.whatsapp\.net|lid|g\.us)$/;

/** True for + and 7 to 15 digits. Whether the number exists is WhatsApp's to judge. */
export function isPhoneNumber(value: string): boolean {
  return PHONE_NUMBER.test(value);
}

/** What a user wrote as the recipient (E.164 or a chat id) as a chat id; undefined if it is neither. */
export function parseRecipient(value: string): string | undefined {
  const text = value.trim();
  if (isPhoneNumber(text)) return `${text.slice(1)}@c.us`;
  if (CHAT_ID.test(text)) return parseWid(text);
  return undefined;
}
