import type { PageMessage, PageModel } from './page-model.ts';

/** Functions that run in the page, each by one call from Node: what reads its chats back (facts A14, A23). */

export interface PageChat {
  readonly pageChatId: string;
  readonly phone: string | undefined;
  /** Seconds since the epoch. */
  readonly t: number;
}

/** Personal chats and groups of the page. Status updates and channels are no messages to the business. */
export function listChats(): PageChat[] {
  const chats = window.require('WAWebCollections').Chat.getModelsArray() as PageModel[];
  return chats
    .map((chat) => ({
      pageChatId: String(chat.id._serialized ?? chat.id),
      phone: window.switchboard?.phoneOf(chat.id),
      t: Number(chat.t ?? 0),
    }))
    .filter((chat) => /@(c\.us|lid|g\.us)$/.test(chat.pageChatId));
}

/**
 * Messages of a chat, newest first: `limit` after `offset`. Older ones are loaded from the page's store as needed;
 * what was loaded is remembered until another chat is read.
 */
export async function readChat(pageChatId: string, offset: number, limit: number): Promise<PageMessage[]> {
  const switchboard = window.switchboard;
  if (!switchboard) throw new Error('The bridge is not in this page.');
  const chat = window
    .require('WAWebCollections')
    .Chat.get(window.require('WAWebWidFactory').createWid(pageChatId));
  if (!chat) return [];
  if (offset === 0 || switchboard.reading?.chatId !== pageChatId) {
    switchboard.reading = { chatId: pageChatId, models: [], complete: false };
  }
  const reading = switchboard.reading;
  const merge = (older: PageModel[], newer: PageModel[]): PageModel[] => {
    const seen = new Set<unknown>();
    return [...older, ...newer].filter((model) => !seen.has(model.id.id) && seen.add(model.id.id));
  };
  const messages = () => reading.models.filter((model) => !model.isNotification);
  reading.models = merge(reading.models, chat.msgs.getModelsArray());
  while (messages().length < offset + limit && !reading.complete) {
    const known = reading.models.length;
    const older = await window.require('WAWebChatLoadMessages').loadEarlierMsgs({ chat });
    reading.models = merge(Array.isArray(older) ? older : [], reading.models);
    // A page that gives nothing new has nothing more, also if it gives the same once again.
    reading.complete = reading.models.length === known;
  }
  const ordered = messages()
    .map((model, place) => ({ model, place }))
    .sort((a, b) => Number(a.model.t ?? 0) - Number(b.model.t ?? 0) || a.place - b.place)
    .map(({ model }) => model);
  const end = Math.max(0, ordered.length - offset);
  return ordered
    .slice(Math.max(0, end - limit), end)
    .reverse()
    .map((model) => switchboard.pick(window.WWebJS.getMessageModel(model)));
}
