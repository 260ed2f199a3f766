import { parseWid } from '../../messages/whatsapp-key.ts';
import type { ChatListing, ContactGlimpse } from '../channel.ts';
import type { PageContact, PageListedChat } from './page-directory.ts';

/** What the page lists, in our words. */
export function pageContactToGlimpse({ id, lid, phone, ...rest }: PageContact): ContactGlimpse {
  return { ...rest, pageContactId: id, lid: parseWid(lid) ?? null, phone: parseWid(phone) ?? null };
}

export function pageChatToListing({ id, phone, name, unread, t }: PageListedChat): ChatListing {
  return { pageChatId: id, chatId: parseWid(phone) ?? id, lastMessageAt: t * 1000, name, unread };
}
