import type {
  PageGlimpse,
  PageMessage,
  PageModel,
  PageNews,
  PageReaction,
  PageVote,
  ReactionForm,
  Switchboard,
} from './page-model.ts';

/**
 * Runs in the page, before any script of its own, in each new document. It puts its own functions where the
 * library would expose bindings (the library leaves a name that exists alone): what happens is picked small, kept
 * in one queue, so that all kinds keep the page's order, and told in packs, one at a time: at once, but for what becomes of
 * our own messages, which waits a moment for what comes with it. Node takes the next pack when it has room for it; what the
 * queue cannot hold meanwhile is dropped, and Node is told where, for it is in the page's store (A23). News of the session
 * itself does not wait behind messages; that the link has ended does, since nothing can be read back after it, and is never
 * dropped. What nobody listens to (unread counts, whole models on each change) is not told at all: A6, A14, F6.
 */
export function installBridge(): void {
  if (window !== window.top || window.switchboard) return;

  const MAX_PACK = 100;
  const MAX_QUEUED = 5_000;
  /** A message of ours and its first acks are then one pack, one job and one transaction, and not three of each. */
  const COMPANY_MS = 50;
  const queue: PageNews[] = [];
  let telling = false;
  let awaitsCompany = false;
  /** From the drop of news until the queue is half empty: telling a few in between would only make more gaps. */
  let dropping = false;

  async function flush(): Promise<void> {
    if (telling) return;
    telling = true;
    try {
      while (queue.length > 0) {
        const pack = queue.slice(0, MAX_PACK);
        const isTaken = await tellPack(pack);
        // What Node failed to take it reads back from the page's store; told again, it would fail again (F39).
        queue.splice(0, pack.length, ...(isTaken ? [] : [{ kind: 'overflow' } as const]));
        if (!isTaken && pack.length === 1 && pack[0]?.kind === 'overflow') return;
        if (queue.length <= MAX_QUEUED / 2) dropping = false;
      }
    } finally {
      telling = false;
    }
  }

  function flushSoon(): void {
    if (awaitsCompany) return;
    awaitsCompany = true;
    setTimeout(() => {
      awaitsCompany = false;
      void flush();
    }, COMPANY_MS);
  }

  /** Nobody waits to answer what we said ourselves. */
  function isPatient(news: PageNews): boolean {
    if (news.kind === 'message')
      return (news.message.id as { fromMe?: unknown } | undefined)?.fromMe === true;
    return news.kind === 'ack';
  }

  async function tellPack(pack: PageNews[]): Promise<boolean> {
    try {
      await window.switchboardTell?.(pack);
      return true;
    } catch {
      return false;
    }
  }

  function addressOf(wid: unknown): string | undefined {
    if (typeof wid === 'string') return wid;
    const parts = wid as
      | { _serialized?: unknown; $1?: unknown; user?: unknown; server?: unknown }
      | null
      | undefined;
    const text = parts?._serialized ?? parts?.$1;
    if (typeof text === 'string') return text;
    const hasParts = typeof parts?.user === 'string' && typeof parts.server === 'string';
    return hasParts ? `${parts.user}@${parts.server}` : undefined;
  }

  function phoneOf(wid: unknown): string | undefined {
    const text = addressOf(wid);
    if (text === undefined || !text.endsWith('@lid')) return text;
    const ways = [
      (lid: unknown) => window.require('WAWebLidMigrationUtils').toPn(lid),
      (lid: unknown) => window.require('WAWebApiContact').getPhoneNumber(lid),
    ];
    for (const way of ways) {
      try {
        const phone = addressOf(way(window.require('WAWebWidFactory').createWid(text)));
        if (phone !== undefined && !phone.endsWith('@lid')) return phone;
      } catch {
        // Not every page has both ways.
      }
    }
    return undefined;
  }

  function pick(model: Record<string, unknown>): PageMessage {
    const id = model.id as Record<string, unknown> | undefined;
    const remote = id?.remote;
    const author = model.author ?? id?.participant;
    const quoted = model.quotedMsg as Record<string, unknown> | undefined;
    const picked: Record<string, unknown> = {
      id,
      revokedId: model.protocolMessageKey,
      author,
      body: textOf(model),
      quotedText: quoted?.caption || (quoted && textOf(quoted)),
      chatPhone: phoneOf(remote),
      authorPhone: author === undefined || author === null ? undefined : phoneOf(author),
      vcardList: pickEach(model.vcardList, ['displayName', 'vcard']),
      pollOptions: pickEach(model.pollOptions, ['name']),
      ackReason: refusalOf(model),
    };
    for (const field of PICKED) picked[field] = model[field];
    if (quoted) picked.quotedStanzaID ||= quotedIdOf(id, quoted);
    return picked as unknown as PageMessage;
  }

  /** The body of media and locations is a thumbnail, not text. */
  function textOf(model: Record<string, unknown>): unknown {
    return model.mimetype || model.type === 'location' ? undefined : model.body;
  }

  /** Which message it answers, where it does not say so itself. */
  function quotedIdOf(id: Record<string, unknown> | undefined, quoted: Record<string, unknown>): unknown {
    const own = (quoted.id as Record<string, unknown> | undefined)?.id;
    if (own) return own;
    return attempt(() => {
      const model = window.require('WAWebCollections').Msg.get(id?._serialized ?? id?.$1);
      return window.require('WAWebQuotedMsgModelUtils').getQuotedMsgObj(model)?.id?.id;
    });
  }

  /** Why WhatsApp refused a message; undefined if the page does not know, or it did not. */
  function refusalOf(model: Record<string, unknown>): string | undefined {
    const reason = model.ackError ?? model.sendError ?? model.errorCode;
    return reason === undefined || reason === null ? undefined : String(reason);
  }

  function glimpse(model: PageModel): PageGlimpse {
    const reason = refusalOf(model);
    return { id: { ...model.id }, ack: Number(model.ack), ...(reason === undefined ? {} : { reason }) };
  }

  function pickEach(list: unknown, fields: readonly string[]): object[] | undefined {
    if (!Array.isArray(list)) return undefined;
    return list.map((each) => Object.fromEntries(fields.map((field) => [field, each?.[field]])));
  }

  const PICKED = [
    'type',
    't',
    'ack',
    'caption',
    'notifyName',
    'mimetype',
    'filename',
    'size',
    'lat',
    'lng',
    'loc',
    'clientUrl',
    'vcardFormattedName',
    'pollName',
    'pollSelectableOptionsCount',
    'quotedStanzaID',
    'mentionedJidList',
    'isForwarded',
    'latestEditSenderTimestampMs',
  ];

  /**
   * When somebody reacted, in milliseconds, as `reactionTimestamp` is in either form. The `timestamp` of a row on its way into
   * the page's table is the library's, in seconds; that of a sender whom the page lists is the page's own, in milliseconds.
   */
  function reactedAt(raw: Record<string, unknown>, form: ReactionForm): number {
    if (raw.reactionTimestamp) return Number(raw.reactionTimestamp);
    return Number(raw.timestamp) * (form === 'row' ? 1000 : 1);
  }

  function pickReaction(raw: Record<string, unknown>, form: ReactionForm): PageReaction {
    const parent = raw.parentMsgKey as Record<string, unknown> | undefined;
    const sender = raw.senderUserJid ?? raw.author ?? raw.from;
    const at = reactedAt(raw, form);
    return {
      parentId: parent,
      sender,
      emoji: String(raw.reactionText ?? raw.reaction ?? ''),
      ...(phoneOf(sender) === undefined ? {} : { senderPhone: phoneOf(sender) as string }),
      ...(phoneOf(parent?.remote) === undefined ? {} : { chatPhone: phoneOf(parent?.remote) as string }),
      ...(Number.isFinite(at) && at > 0 ? { at } : {}),
    };
  }

  function findPoll(raw: Record<string, unknown>): PageModel | undefined {
    const key = String(raw.parentMsgKey ?? raw.pollUpdateParentKey);
    return attempt(() => window.require('WAWebCollections').Msg.get(key) as PageModel | undefined);
  }

  /** Ids of options: a list as a rule; the page's store keeps them as the bytes of a buffer, which is none. */
  function optionIdsOf(raw: unknown): number[] {
    const isList = Symbol.iterator in Object(raw ?? []);
    return Array.from(
      isList ? ((raw ?? []) as Iterable<unknown>) : new Uint8Array(raw as ArrayBuffer),
      Number,
    );
  }

  function pickVote(raw: Record<string, unknown>, poll = findPoll(raw)): PageVote {
    const parent = (raw.parentMsgKey ?? raw.pollUpdateParentKey) as Record<string, unknown> | undefined;
    const voter = raw.author ?? raw.from ?? raw.sender;
    const at = Number(raw.senderTimestampMs ?? raw.t);
    const options = Array.isArray(poll?.pollOptions) ? (poll.pollOptions as { localId?: unknown }[]) : [];
    // An id is the place as a rule.
    const ids = optionIdsOf(raw.selectedOptionLocalIds);
    const placeOf = (id: number) => options.findIndex(({ localId }) => Number(localId) === id);
    return {
      parentId: parent,
      voter,
      choices: ids.map((id) => (placeOf(id) === -1 ? id : placeOf(id))),
      ...(phoneOf(voter) === undefined ? {} : { voterPhone: phoneOf(voter) as string }),
      ...(phoneOf(parent?.remote) === undefined ? {} : { chatPhone: phoneOf(parent?.remote) as string }),
      ...(Number.isFinite(at) ? { at } : {}),
    };
  }

  function makeKey(chat: PageModel, bareId: string): object {
    const me = window.require('WAWebUserPrefsMeUser');
    const isGroup = chat.id.isGroup?.() === true;
    const group = chat.groupMetadata as { isLidAddressingMode?: boolean } | undefined;
    const byLid = isGroup ? group?.isLidAddressingMode === true : chat.id.isLid?.() === true;
    const lid = me.getMaybeMeLidUser?.();
    const phone = me.getMaybeMePnUser?.();
    const from = byLid ? (lid ?? phone) : (phone ?? lid);
    const participant = isGroup ? window.require('WAWebWidFactory').asUserWidOrThrow(from) : undefined;
    const MsgKey = window.require('WAWebMsgKey');
    return new MsgKey({ from, to: chat.id, id: bareId, participant, selfDir: 'out' });
  }

  /** What one part of the page says, or undefined if it throws: there are other ways. */
  function attempt<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch {
      return undefined;
    }
  }

  function notReady(): never {
    throw new Error('The page is not ready.');
  }

  const switchboard: Switchboard = {
    pick,
    pickReaction,
    pickVote,
    addressOf,
    phoneOf,
    glimpse,
    makeKey,
    find: async () => notReady(),
    loadEarlier: async () => notReady(),
    readBack: async () => notReady(),
    quote: notReady,
    tell(news) {
      if (news.kind === 'socket' || news.kind === 'passkey' || news.kind === 'storage-closed') {
        void window.switchboardTell?.([news]);
        return;
      }
      if (news.kind === 'logout') {
        queue.push(news);
        void flush();
        return;
      }
      if (dropping) return;
      dropping = queue.length >= MAX_QUEUED;
      queue.push(dropping ? { kind: 'overflow' } : news);
      if (isPatient(news) && queue.length < MAX_PACK) flushSoon();
      else void flush();
    },
    injected: false,
    listening: false,
    linksByCode: false,
    report: undefined,
    line: undefined,
  };
  window.switchboard = switchboard;
  window.connectedSwitchboard = () => (switchboard.listening ? switchboard : notReady());

  watchPasskeys();

  /** WhatsApp asks for a passkey through the browser's credentials (fact A24); filling in a form is no demand. */
  function watchPasskeys(): void {
    const credentials = navigator.credentials as Partial<CredentialsContainer> | undefined;
    for (const name of ['get', 'create'] as const) {
      const ask = credentials?.[name]?.bind(credentials) as ((wish?: unknown) => Promise<null>) | undefined;
      if (!credentials || !ask) continue;
      const watched = (wish?: { publicKey?: unknown; mediation?: string }) => {
        if (wish?.publicKey && wish.mediation !== 'conditional') switchboard.tell({ kind: 'passkey' });
        return ask(wish);
      };
      attempt(() =>
        Object.defineProperty(credentials, name, { value: watched, configurable: true, writable: true }),
      );
    }
  }

  type Model = Record<string, unknown>;
  const nobodyListens = () => undefined;
  Object.assign(window, {
    onAddMessageEvent: (model: Model) => switchboard.tell({ kind: 'message', message: pick(model) }),
    onMessageAckEvent: (model: Model, ack: number) => {
      const reason = refusalOf(model);
      const told = reason === undefined ? {} : { reason };
      switchboard.tell({ kind: 'ack', message: pick(model), ack, ...told });
    },
    onEditMessageEvent: (model: Model, _text: unknown, before: unknown) => {
      // A message that could not be read at first gets its text later, which is no edit.
      if (!model.latestEditSenderTimestampMs && !before) return;
      switchboard.tell({ kind: 'edit', message: pick(model) });
    },
    onChangeMessageTypeEvent: (model: Model) => {
      // The library says nothing of one whose place was there before the sync; what is told twice is stored once.
      const kind = model.type === 'revoked' ? 'revoke' : 'message';
      switchboard.tell({ kind, message: pick(model) });
    },
    onReaction: (reactions: Model[]) => {
      for (const reaction of reactions)
        switchboard.tell({ kind: 'reaction', reaction: pickReaction(reaction, 'row') });
    },
    onLogoutEvent: async () => switchboard.tell({ kind: 'logout' }),
    onAppStateHasSyncedEvent: nobodyListens,
    onAuthAppStateChangedEvent: nobodyListens,
    onAppStateChangedEvent: nobodyListens,
    onOfflineProgressUpdateEvent: nobodyListens,
    onChangeMessageEvent: nobodyListens,
    onRemoveMessageEvent: nobodyListens,
    onMessageMediaUploadedEvent: nobodyListens,
    onChatUnreadCountEvent: nobodyListens,
    onBatteryStateChangedEvent: nobodyListens,
    onIncomingCall: nobodyListens,
    onRemoveChatEvent: nobodyListens,
    onArchiveChatEvent: nobodyListens,
    onAddMessageCiphertextEvent: nobodyListens,
    onCiphertextFailedEvent: nobodyListens,
    onPollVoteEvent: (votes: readonly Model[]) => {
      for (const vote of votes) switchboard.tell({ kind: 'vote', vote: pickVote(vote) });
    },
  });
}
