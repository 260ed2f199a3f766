import type { PageKey, PageModel } from './page-model.ts';

/**
 * Runs in the page once a document is about to be used, and lets it find messages by their keys (facts A1, A16). That a
 * message is absent is only said where the page's store has been read: what throws has not answered.
 */
export function installLookUp(): void {
  const switchboard = window.switchboard;
  if (!switchboard) return;

  /** Messages of a chat that are looked through if the store does not answer for names. */
  const MAX_LOOKED_THROUGH = 1_000;

  type Find = (models: readonly (PageModel | undefined)[]) => PageModel | undefined;

  /** What one part of the page says, or undefined if it throws: there are other ways. */
  function attempt<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch {
      return undefined;
    }
  }

  function lidOf(phone: string): string | undefined {
    const wid = () => window.require('WAWebWidFactory').createWid(phone);
    return (
      attempt(() => switchboard?.addressOf(window.require('WAWebLidMigrationUtils').toLid(wid()))) ??
      attempt(() => switchboard?.addressOf(window.require('WAWebApiContact').getCurrentLid(wid())))
    );
  }

  /** The addresses, and what else the page calls the same users: it may have changed its mind since (fact A16). */
  function inBothDialects(ids: readonly string[]): string[] {
    const others = ids.map((id) => (id.endsWith('@c.us') ? lidOf(id) : switchboard?.phoneOf(id)));
    return [...new Set([...ids, ...others.filter((id) => id !== undefined)])];
  }

  function namesOf(key: PageKey, chatIds: readonly string[]): string[] {
    const participants = inBothDialects(key.participant === null ? [] : [key.participant]);
    return chatIds.flatMap((chatId) => {
      const head = `${key.fromMe}_${chatId}_${key.bareId}`;
      return [...participants.map((participant) => `${head}_${participant}`), head];
    });
  }

  /** What lies in memory; it has answered unless it throws for every name. */
  function askMemory(names: readonly string[], findIt: Find) {
    const { Msg } = window.require('WAWebCollections');
    const models: (PageModel | undefined)[] = [];
    for (const name of names) attempt(() => models.push(Msg.get(name)));
    return { found: findIt(models), hasAnswered: models.length > 0 };
  }

  /** One name at a time: a page may refuse them all because it cannot read one of them. A page may also have no such part. */
  async function askStore(names: readonly string[], findIt: Find) {
    const { Msg } = window.require('WAWebCollections');
    let answers = 0;
    let refusal: unknown;
    for (const name of typeof Msg.getMessagesById === 'function' ? names : []) {
      try {
        const stored = await Msg.getMessagesById([name]);
        const models = stored?.messages ?? stored;
        if (!Array.isArray(models)) continue;
        answers += 1;
        const found = findIt(models);
        if (found) return { found, answers, refusal, isSure: true };
      } catch (thrown) {
        refusal = thrown ?? new Error('The page cannot read its messages now.');
      }
    }
    return { found: undefined, answers, refusal, isSure: answers === names.length };
  }

  function chatsOf(chatIds: readonly string[]): PageModel[] {
    const { Chat } = window.require('WAWebCollections');
    const chats = chatIds.map((chatId): PageModel | undefined =>
      attempt(() => Chat.get(window.require('WAWebWidFactory').createWid(chatId))),
    );
    return [...new Set(chats.filter((chat) => chat !== undefined && chat !== null))];
  }

  function loadedOf(chat: PageModel): PageModel[] {
    const { msgs } = chat as { msgs?: { getModelsArray?: () => PageModel[] } };
    return attempt(() => msgs?.getModelsArray?.()) ?? [];
  }

  /** Goes back in a chat's history; complete if it came to its beginning. */
  async function lookThrough(chat: PageModel, findIt: Find) {
    const seen = new Set<unknown>(loadedOf(chat).map((model) => model.id?.id));
    while (seen.size < MAX_LOOKED_THROUGH) {
      const older = await loadEarlier(chat);
      if (older === undefined) break;
      const fresh = [...older, ...loadedOf(chat)].filter((model) => !seen.has(model.id?.id));
      for (const model of fresh) seen.add(model.id?.id);
      const found = findIt(fresh);
      if (found || fresh.length === 0) return { found, isComplete: true };
    }
    return { found: undefined, isComplete: false };
  }

  async function loadEarlier(chat: PageModel): Promise<readonly PageModel[] | undefined> {
    const loading = attempt(() => window.require('WAWebChatLoadMessages'));
    if (typeof loading?.loadEarlierMsgs !== 'function') return undefined;
    const older: unknown = await loading.loadEarlierMsgs({ chat });
    return Array.isArray(older) ? older : [];
  }

  async function find(key: PageKey): Promise<PageModel | undefined> {
    const findIt: Find = (models) => models.find((model) => model?.id?.id === key.bareId);
    const chatIds = inBothDialects(key.chatIds);
    const names = namesOf(key, chatIds);
    const memory = askMemory(names, findIt);
    if (memory.found) return memory.found;
    const store = await askStore(names, findIt);
    if (store.found) return store.found;
    // It may be filed under an address that the page does not tell.
    const chats = chatsOf(chatIds);
    const loaded = chats.flatMap(loadedOf);
    const found = findIt(loaded);
    if (found || store.isSure) return found;
    const histories = [];
    for (const chat of chats) {
      const history = await lookThrough(chat, findIt);
      if (history.found) return history.found;
      histories.push(history.isComplete);
    }
    const isRead = histories.length > 0 && histories.every(Boolean);
    const hasOnlyMemory = store.refusal === undefined && (memory.hasAnswered || loaded.length > 0);
    if (isRead || store.answers > 0 || hasOnlyMemory) return undefined;
    throw store.refusal ?? new Error('The page cannot read its messages now.');
  }

  function quote(quoted: PageModel | undefined, chat: PageModel): object {
    if (!quoted) throw new Error('The page does not have the message that this one answers.');
    const { canReply, unsafe, msgContextInfo } = quoted as Record<
      string,
      ((of?: unknown) => unknown) | undefined
    >;
    const canAnswer =
      attempt(() => window.require('WAWebMsgReply').canReplyMsg(unsafe?.call(quoted) ?? quoted)) ??
      attempt(() => canReply?.call(quoted));
    if (canAnswer === false || !msgContextInfo)
      throw new Error('The message that this one answers cannot be answered.');
    return msgContextInfo.call(quoted, chat) as object;
  }

  Object.assign(switchboard, { find, loadEarlier, quote });
}
