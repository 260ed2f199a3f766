import type { PageNews, Switchboard } from './page-model.ts';

/**
 * Runs in the page, before any script of its own, in each new document. It puts its own functions where the
 * library would expose bindings (the library leaves a name that exists alone): what happens is picked small (see
 * installPicking), kept in one queue, so that all kinds keep the page's order, and told in packs, one at a time: at once, but
 * for what becomes of our own messages, which waits a moment for what comes with it. Node takes the next pack when it has room
 * for it; what the queue cannot hold meanwhile is dropped, and Node is told where, for it is in the page's store (A23). News of
 * the session itself does not wait behind messages; that the link has ended does, since nothing can be read back after it, and
 * is never dropped. What nobody listens to (whole models on each change) is not told at all: A6, A14, F6.
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
    // Until installPicking, installLookUp and installReadBack have run.
    pick: notReady,
    pickReaction: notReady,
    pickVote: notReady,
    addressOf: notReady,
    phoneOf: notReady,
    glimpse: notReady,
    makeKey: notReady,
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
    onAddMessageEvent: (model: Model) =>
      switchboard.tell({ kind: 'message', message: switchboard.pick(model) }),
    onMessageAckEvent: (model: Model, ack: number) => {
      const message = switchboard.pick(model);
      const told = message.ackReason === undefined ? {} : { reason: message.ackReason };
      switchboard.tell({ kind: 'ack', message, ack, ...told });
    },
    onEditMessageEvent: (model: Model, _text: unknown, before: unknown) => {
      // A message that could not be read at first gets its text later, which is no edit.
      if (!model.latestEditSenderTimestampMs && !before) return;
      switchboard.tell({ kind: 'edit', message: switchboard.pick(model) });
    },
    onChangeMessageTypeEvent: (model: Model) => {
      // The library says nothing of one whose place was there before the sync; what is told twice is stored once.
      const kind = model.type === 'revoked' ? 'revoke' : 'message';
      switchboard.tell({ kind, message: switchboard.pick(model) });
    },
    onReaction: (reactions: Model[]) => {
      for (const reaction of reactions)
        switchboard.tell({ kind: 'reaction', reaction: switchboard.pickReaction(reaction, 'row') });
    },
    onLogoutEvent: async () => switchboard.tell({ kind: 'logout' }),
    onAppStateHasSyncedEvent: nobodyListens,
    onAuthAppStateChangedEvent: nobodyListens,
    onAppStateChangedEvent: nobodyListens,
    onOfflineProgressUpdateEvent: nobodyListens,
    onChangeMessageEvent: nobodyListens,
    onRemoveMessageEvent: nobodyListens,
    onMessageMediaUploadedEvent: nobodyListens,
    // Until installSeen has run.
    onChatUnreadCountEvent: nobodyListens,
    onBatteryStateChangedEvent: nobodyListens,
    onIncomingCall: nobodyListens,
    onRemoveChatEvent: nobodyListens,
    onArchiveChatEvent: nobodyListens,
    onAddMessageCiphertextEvent: nobodyListens,
    onCiphertextFailedEvent: nobodyListens,
    onPollVoteEvent: (votes: readonly Model[]) => {
      for (const vote of votes) switchboard.tell({ kind: 'vote', vote: switchboard.pickVote(vote) });
    },
  });
}
