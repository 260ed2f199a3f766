import type { MessageKey } from '../../messages/whatsapp-key.ts';
import type { PageKey } from './page-model.ts';

/** A key as the page is asked for it: under the chat of the key, and under the canonical `chatId`. */
export function keyToPageKey(key: MessageKey, chatId: string): PageKey {
  return {
    fromMe: key.fromMe,
    bareId: key.bareId,
    participant: key.participant,
    chatIds: [...new Set([key.chatId, chatId])],
  };
}
