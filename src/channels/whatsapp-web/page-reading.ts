import type { PageMessage, PageModel, PageReaction, PageVote } from './page-model.ts';

/** Functions that run in the page, each by one call from Node: what reads its chats back (facts A14, A23). */

export interface PageChat {
  readonly pageChatId: string;
  readonly phone: string | undefined;
  /** Seconds since the epoch of its last message, as the chat or the message says; 0 if neither does. */
  readonly t: number;
  readonly mark: string;
}

/** Personal chats and groups of the page. Status updates and channels are no messages to the business. */
export function listChats(): PageChat[] {
  const switchboard = window.connectedSwitchboard();
  const chats = window.require('WAWebCollections').Chat.getModelsArray() as PageModel[];
  const timeOf = (model: PageModel | undefined) => Number(model?.t) || 0;
  // Of what lies in memory alone: it costs nothing, and a chat that nobody opened has its last message there.
  const lastOf = (chat: PageModel): PageModel | undefined => {
    const msgs = chat.msgs as { getModelsArray?(): PageModel[] } | undefined;
    return msgs
      ?.getModelsArray?.()
      .reduce(
        (latest, model) => (timeOf(model) >= timeOf(latest) ? model : latest),
        undefined as PageModel | undefined,
      );
  };
  const markOf = (chat: PageModel, last: PageModel | undefined) => {
    const fields = ['ack', 'type', 'latestEditSenderTimestampMs', 'hasReaction'];
    const told = fields.map((field) => String(last?.[field] ?? ''));
    return [String(last?.id.id ?? ''), ...told, String(chat.unreadCount ?? '')].join(' ');
  };
  return chats
    .map((chat) => ({ chat, last: lastOf(chat) }))
    .map(({ chat, last }) => ({
      pageChatId: switchboard.addressOf(chat.id) ?? '',
      phone: switchboard.phoneOf(chat.id),
      t: Math.max(timeOf(chat), timeOf(last)),
      mark: markOf(chat, last),
    }))
    .filter((chat) => /@(c\.us|lid|g\.us)$/.test(chat.pageChatId));
}

/**
 * Messages of a chat, newest first: `limit` after `offset`, those of the types in `leftOut` not counted. Older ones are
 * loaded from the page's store as needed; what was loaded is remembered until another chat is read.
 */
export async function readChat(
  pageChatId: string,
  { offset, limit }: { readonly offset: number; readonly limit: number },
  leftOut: readonly string[],
): Promise<PageMessage[]> {
  const switchboard = window.connectedSwitchboard();
  const { Chat } = window.require('WAWebCollections');
  const chat =
    Chat.get(window.require('WAWebWidFactory').createWid(pageChatId)) ??
    (Chat.getModelsArray?.() as PageModel[] | undefined)?.find(
      ({ id }) => switchboard.addressOf(id) === pageChatId,
    );
  if (!chat) throw new Error('The page has no such chat now.');
  if (offset === 0 || switchboard.reading?.chatId !== pageChatId) {
    switchboard.reading = { chatId: pageChatId, models: [], seen: new Set(), looked: 0, complete: false };
  }
  const reading = switchboard.reading;
  const timeOf = (model: PageModel | undefined) => Number(model?.t ?? 0);
  /** Puts what is new of these in its place; says how much that is. Those of one second stay in the order they came in. */
  const take = (models: readonly PageModel[], isOlder: boolean): number => {
    const fresh = models.filter(({ id }) => !reading.seen.has(id.id) && reading.seen.add(id.id));
    const messages = fresh
      .filter((model) => !model.isNotification && !leftOut.includes(String(model.type)))
      .reverse()
      .sort((a, b) => timeOf(b) - timeOf(a));
    const known = reading.models;
    if (isOlder && timeOf(messages[0]) <= timeOf(known.at(-1)))
      for (const model of messages) known.push(model);
    else if (messages.length > 0)
      reading.models = (isOlder ? [...known, ...messages] : [...messages, ...known]).sort(
        (a, b) => timeOf(b) - timeOf(a),
      );
    return fresh.length;
  };
  /** Looks the chat's loaded messages through if there are others than were taken: some came, or others loaded them. */
  const takeLoaded = (): number => {
    const loaded = chat.msgs.getModelsArray() as PageModel[];
    if (loaded.length === reading.looked) return 0;
    reading.looked = loaded.length;
    return take(loaded, false);
  };
  takeLoaded();
  while (reading.models.length < offset + limit && !reading.complete) {
    const older = take((await switchboard.loadEarlier(chat)) ?? [], true);
    // What was loaded lies in the chat as a rule.
    reading.looked += older;
    // A page that gives nothing new has nothing more, also if it gives the same once again.
    reading.complete = older + takeLoaded() === 0;
  }
  /** All reactions to a message; undefined if the page cannot tell. */
  const reactionsTo = async (model: PageModel): Promise<PageReaction[] | undefined> => {
    if (model.hasReaction === false) return [];
    if (model.hasReaction !== true) return undefined;
    try {
      const id = model.id._serialized ?? model.id.$1 ?? String(model.id);
      const found = await window.require('WAWebCollections').Reactions.find(id);
      const groups = found.reactions.serialize() as { senders: Record<string, unknown>[] }[];
      return groups.flatMap(({ senders }) => senders.map((sender) => switchboard.pickReaction(sender)));
    } catch {
      // Not every page has them all.
      return undefined;
    }
  };
  /** All votes of a poll; undefined for what is none, and if the page cannot tell. */
  const votesOf = async (model: PageModel): Promise<PageVote[] | undefined> => {
    if (model.type !== 'poll_creation') return undefined;
    try {
      const id = String(model.id._serialized ?? model.id.$1 ?? model.id);
      const table = window.require('WAWebPollsVotesSchema').getTable();
      const rows = (await table.equals(['parentMsgKey'], id)) as Record<string, unknown>[];
      return rows.map((row) => switchboard.pickVote({ ...row, parentMsgKey: model.id }, model));
    } catch {
      return undefined;
    }
  };
  const wanted = reading.models.slice(offset, offset + limit);
  return await Promise.all(
    wanted.map(async (model) => {
      const picked = switchboard.pick(window.WWebJS.getMessageModel(model));
      const [reactions, votes] = [await reactionsTo(model), await votesOf(model)];
      return { ...picked, ...(reactions && { reactions }), ...(votes && { votes }) };
    }),
  );
}
