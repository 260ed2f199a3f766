import {
  keepReaction,
  keepVote,
  markReacted,
  pollVotes,
  reactions,
  reactionsOf,
  toReactionEvent,
  toVoteEvent,
  voteTable,
} from '../addons.ts';
import { chatRef, findPeer, findPn, getMe, isNumberHidden, userWid } from '../addresses.ts';
import { dialect, hasPageFault } from '../dialect.ts';
import type { Values } from '../model.ts';
import { Collection, Model } from '../model.ts';
import { ChatModel, chats, contacts, groupMetadata, type MsgModel, msgs } from '../models.ts';
import { MsgKey, newBareId } from '../msg-key.ts';
import { quotedModel, recordToModel } from '../records.ts';
import { defineModules } from '../registry.ts';
import { cmd, type PageSession } from '../session.ts';
import { createWid, type Wid } from '../wid.ts';

/** The modules of chats and messages: collections, sending, changing, history. */
export function defineMessageModules(session: PageSession): void {
  const { world, outbound, socket } = session;

  msgs.source = async (keys) => {
    const found: MsgModel[] = [];
    for (const key of keys) {
      const record = await world.findRecord(key.id);
      const model = record && (world.findModel(record) ?? recordToModel(record, false));
      if (model?.key().equals(key)) found.push(model);
    }
    return found;
  };
  msgs.searchSource = async (text, page, count, chat) => {
    const records = await world.store.all('messages');
    const matching = records.filter((record) =>
      String(record.attrs.body ?? record.attrs.caption ?? '').includes(text),
    );
    const models = matching.map((record) => recordToModel(record, false));
    const wanted = models.filter((model) => chat === undefined || model.key().remote._serialized === chat);
    return wanted.slice((page - 1) * count, page * count);
  };
  chats.source = async (wid) => findOrCreate(session, wid);

  defineModules({
    WAWebCollections: {
      Msg: msgs,
      Chat: chats,
      Contact: contacts,
      GroupMetadata: groupMetadata,
      WAWebGroupMetadataCollection: groupMetadata,
      Blocklist: new Collection(Model),
      BusinessProfile: Object.assign(new Collection(Model), {
        find: async (id: unknown) => new Model({ id }),
      }),
      ProfilePicThumb: Object.assign(new Collection(Model), { find: async () => undefined }),
      Label: new Collection(Model),
      Status: new Collection(Model),
      Reactions: { find: async (id: unknown) => reactionsOf(id) },
      WAWebNewsletterCollection: new Collection(ChatModel),
    },
    WAWebMsgKey: MsgKey,
    WAWebSendMsgChatAction: {
      addAndSendMsgToChat: (chat: ChatModel, values: Values) => outbound.add(chat, values),
    },
    WAWebFindChatAction: {
      findOrCreateLatestChat: async (id: unknown) => ({
        chat: await findOrCreate(session, createWid(id)),
        created: false,
      }),
    },
    WAWebChatLoadMessages: {
      loadEarlierMsgs: (input: ChatModel | { chat: ChatModel }) =>
        world.loadEarlier(input instanceof ChatModel ? input : input.chat),
    },
    WAWebUpdateUnreadChatAction: {
      sendSeen: async (input: ChatModel | { chat: ChatModel }) =>
        sendSeen(session, 'chat' in input ? input.chat : input),
    },
    WAWebChatGetters: {
      getIsNewsletter: (chat: ChatModel) => chat.wid().isNewsletter(),
      getIsBroadcast: (chat: ChatModel) => chat.wid().isBroadcast(),
      getIsGroup: (chat: ChatModel) => chat.wid().isGroup(),
    },
    WAWebGetEphemeralFieldsMsgActionsUtils: { getEphemeralFields: () => ({}) },
    WALinkify: { findLink: (text: unknown) => findLinks(text)[0], findLinks },
    WAWebLinkPreviewChatAction: { getLinkPreview: async () => undefined },
    WAWebMsgReply: { canReplyMsg: (msg: MsgModel) => msg.canReply() },
    WAWebQuotedMsgModelUtils: { getQuotedMsgObj: (msg: MsgModel) => quotedModel(msg) },
    WAWebMsgActionCapability: {
      canSenderRevokeMsg: (msg: MsgModel) => msg.key().fromMe && msg.get('type') !== 'revoked',
      canAdminRevokeMsg: () => false,
      canEditText: (msg: MsgModel) => msg.key().fromMe && msg.get('type') === 'chat',
      canEditCaption: (msg: MsgModel) => msg.key().fromMe && msg.isMedia,
      canStarMsg: () => true,
    },
    WAWebSendMessageEditAction: {
      sendMessageEdit: async (msg: MsgModel, text: string) => {
        await socket.query('edit', { id: msg.key().id, text });
        await applyEdit(session, msg, text);
      },
    },
    WAWebSendReactionMsgAction: {
      sendReactionToMsg: async (msg: MsgModel, emoji: string) => react(session, msg, emoji),
    },
    WAWebPollsSendVoteMsgAction: {
      sendVote: async (msg: MsgModel, chosen: Iterable<number>) => vote(session, msg, [...chosen]),
    },
    WAWebAddonReactionTableMode: reactions,
    WAWebAddonPollVoteTableMode: pollVotes,
    WAWebPollsVotesSchema: { getTable: () => voteTable },
    WAWebChatStateBridge: {
      sendChatStateComposing: async () => undefined,
      sendChatStateRecording: async () => undefined,
      sendChatStatePaused: async () => undefined,
    },
    WAWebApiMessageInfoStore: {
      queryMsgInfo: async (key: MsgKey) => socket.query('message-info', { id: key.id }),
    },
    WAWebChatForwardMessage: {
      forwardMessages: async ({ chat, msgs: list }: { chat: ChatModel; msgs: MsgModel[] }) =>
        forward(session, chat, list),
    },
  });

  Object.assign(cmd, {
    sendRevokeMsgs: async (_chat: ChatModel, target: { list: MsgModel[] } | MsgModel[]) => {
      for (const msg of Array.isArray(target) ? target : target.list) await revoke(session, msg);
    },
    sendDeleteMsgs: async (chat: ChatModel, target: { list: MsgModel[] } | MsgModel[]) => {
      for (const msg of Array.isArray(target) ? target : target.list) await removeHere(session, chat, msg);
    },
    sendStarMsgs: async (_chat: ChatModel, list: MsgModel[]) => list.map((msg) => msg.set({ star: true })),
    sendUnstarMsgs: async (_chat: ChatModel, list: MsgModel[]) => list.map((msg) => msg.set({ star: false })),
    archiveChat: async (chat: ChatModel, archive: boolean) => changeChat(chat, { archive }),
    pinChat: async (chat: ChatModel, pin: boolean) => changeChat(chat, { pin: pin ? Date.now() : 0 }),
    markChatUnread: async (chat: ChatModel, unread: boolean) =>
      changeChat(chat, { unreadCount: unread ? -1 : 0 }),
    openChatBottom: async () => true,
  });
}

/**
 * A chat for an address. Numbers are looked up on the network unless the page knows them; an account that nobody
 * has, and under the `strict-lid` fault every LID not yet resolved, is refused as WhatsApp Web refuses it.
 */
async function findOrCreate(session: PageSession, wid: Wid): Promise<ChatModel> {
  if (wid.isUser()) {
    const pn = findPn(wid);
    const isStrict = dialect.addresses === 'lid' && hasPageFault('lookup', 'strict-lid');
    const isKnown = pn !== undefined && findPeer(pn) !== undefined && (wid.isLid() || !isNumberHidden(pn));
    if (!isKnown && (pn === undefined || isStrict || !(await lookUp(session, pn, wid.isLid())))) {
      throw new Error('No LID for user');
    }
  } else if (!groupMetadata.get(wid)) {
    throw new Error(`chat not found: ${wid._serialized}`);
  }
  return chats.get(wid) ?? session.world.chat(chatRef(wid));
}

/** Whether the number has an account. Learns its LID on the way, unless the question was by LID already. */
export async function lookUp(session: PageSession, pn: string, isByLid = false): Promise<boolean> {
  const answer = (await session.socket.query('exists', { pn })) as { lid: string; pushname: string } | null;
  if (!answer) return false;
  const writes = session.world.takePeers([{ pn, lid: answer.lid, pushname: answer.pushname }]);
  if (!isByLid) writes.push(...session.world.revealNumbers([pn]));
  if (writes.length > 0) await session.world.store.write(writes);
  return true;
}

async function sendSeen(session: PageSession, chat: ChatModel): Promise<void> {
  if (Number(chat.get('unreadCount')) === 0) return;
  const ref = chatRef(chat.wid());
  session.world.chatRecord(ref).unreadCount = 0;
  changeChat(chat, { unreadCount: 0 });
  await session.socket.query('read', { chat: ref });
}

function changeChat(chat: ChatModel, values: Values): void {
  chat.set(values);
  chat.persist();
}

async function applyEdit(session: PageSession, msg: MsgModel, text: string): Promise<void> {
  const edited = { [msg.isMedia ? 'caption' : 'body']: text, latestEditSenderTimestampMs: Date.now() };
  if (msg.record) {
    msg.record.attrs = { ...msg.record.attrs, ...edited };
    await session.world.store.write([{ store: 'messages', put: msg.record }]);
  }
  msg.set({ ...edited, latestEditMsgKey: msg.key() });
}

async function revoke(session: PageSession, msg: MsgModel): Promise<void> {
  await session.socket.query('revoke', { id: msg.key().id });
  if (msg.record) {
    msg.record.attrs = { type: 'revoked', subtype: 'sender' };
    await session.world.store.write([{ store: 'messages', put: msg.record }]);
  }
  msg.mediaData = undefined;
  msg.set({ type: 'revoked', subtype: 'sender', body: undefined, caption: undefined, directPath: undefined });
}

async function removeHere(session: PageSession, chat: ChatModel, msg: MsgModel): Promise<void> {
  if (msg.record) await session.world.store.write([{ store: 'messages', delete: msg.record.key }]);
  chat.msgs.remove(msg, { silent: true });
  msgs.remove(msg);
}

async function react(session: PageSession, msg: MsgModel, emoji: string): Promise<void> {
  const me = getMe();
  if (!me || !msg.record) return;
  const id = newBareId();
  const t = Math.floor(Date.now() / 1000);
  await session.socket.query('react', { id, target: msg.key().id, emoji });
  const envelope = { kind: 'reaction', id, target: msg.key().id, from: me, emoji, t } as const;
  keepReaction(msg.record, envelope);
  markReacted(msg, envelope);
  await session.world.store.write([{ store: 'messages', put: msg.record }]);
  await reactions.reactionTableMode.bulkUpsert([toReactionEvent(msg, envelope)]);
}

async function vote(session: PageSession, msg: MsgModel, options: number[]): Promise<void> {
  const me = getMe();
  if (!me || !msg.record) return;
  const id = newBareId();
  await session.socket.query('vote', { id, target: msg.key().id, options });
  const envelope = {
    kind: 'vote',
    id,
    target: msg.key().id,
    from: me,
    options,
    t: Math.floor(Date.now() / 1000),
  } as const;
  keepVote(msg.record, envelope);
  await session.world.store.write([{ store: 'messages', put: msg.record }]);
  await pollVotes.pollVoteTableMode.bulkUpsert([toVoteEvent(msg, envelope)]);
}

async function forward(session: PageSession, chat: ChatModel, list: readonly MsgModel[]): Promise<void> {
  const me = userWid(getMe()?.pn ?? '');
  for (const msg of list) {
    const id = new MsgKey({
      fromMe: true,
      remote: chat.wid(),
      id: newBareId(),
      participant: chat.isGroup ? me : undefined,
    });
    const values = {
      ...msg.serialize(),
      id,
      t: Math.floor(Date.now() / 1000),
      isForwarded: true,
      forwardingScore: 1,
    };
    const [added] = session.outbound.add(chat, values);
    await added;
  }
}

/** Links in a text, as the library lists them. */
function findLinks(text: unknown): { href: string; suspiciousCharacters: Set<string> }[] {
  if (typeof text !== 'string') return [];
  const urls = text.match(/\bhttps?:\/\/[^\s<>"]+/gi) ?? [];
  return urls.map((href) => ({ href, suspiciousCharacters: new Set() }));
}
