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
 * loaded from the page's store as needed (see installReadBack).
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
  const wanted = await switchboard.readBack(chat, { offset, limit, leftOut });
  /**
   * All reactions to a message, by the page's list of them; undefined if that cannot be asked. The mark on the message says
   * nothing: the page keeps it for what lies in its memory alone, and leaves it when a reaction is taken back.
   */
  const reactionsTo = async (model: PageModel): Promise<PageReaction[] | undefined> => {
    try {
      const id = model.id._serialized ?? model.id.$1 ?? String(model.id);
      const found = await window.require('WAWebCollections').Reactions.find(id);
      const groups = found.reactions.serialize() as { senders: Record<string, unknown>[] }[];
      return groups.flatMap(({ senders }) =>
        senders.map((sender) => switchboard.pickReaction(sender, 'sender')),
      );
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
  return await Promise.all(
    wanted.map(async (model) => {
      const picked = switchboard.pick(window.WWebJS.getMessageModel(model));
      const [reactions, votes] = [await reactionsTo(model), await votesOf(model)];
      return { ...picked, ...(reactions && { reactions }), ...(votes && { votes }) };
    }),
  );
}
