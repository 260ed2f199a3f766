import type { PageGlimpse, PageKey, PageMessage, PageModel } from './page-model.ts';

/**
 * Functions that run in the page, each by one call from Node. They use only modules that the library itself uses,
 * and find a message by key in whichever dialect the page speaks (facts A1, A16, A22).
 */

/** Who is linked: own ids (phone and LID) and the profile's name. */
export function readIdentity(): { wid: unknown; phone: unknown; pushname: string | null } {
  const me = window.require('WAWebUserPrefsMeUser');
  const conn = window.require('WAWebConnModel').Conn;
  const own = me.getMaybeMePnUser?.();
  const wid = own ?? me.getMaybeMeLidUser?.();
  const pushname = conn?.pushname ?? conn?.serialize?.().pushname;
  return {
    wid,
    phone: own ?? window.switchboard?.phoneOf(wid),
    pushname: typeof pushname === 'string' ? pushname : null,
  };
}

/** Names of what connecting, receiving, sending and acks need and the page lacks; empty if it is whole (A1). */
export function selfTest(): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: the page's modules have no types.
  const needed: [string, (module: any) => unknown][] = [
    ['WAWebCollections', (m) => m.Msg && m.Chat],
    ['WAWebMsgKey', (m) => typeof m === 'function' && m.newId],
    ['WAWebWidFactory', (m) => m.createWid],
    ['WAWebSendMsgChatAction', (m) => m.addAndSendMsgToChat],
    ['WAWebUserPrefsMeUser', (m) => m.getMaybeMePnUser || m.getMaybeMeLidUser],
  ];
  const missing: string[] = [];
  for (const [name, check] of needed) {
    try {
      if (!check(window.require(name))) missing.push(name);
    } catch {
      missing.push(name);
    }
  }
  if (typeof window.WWebJS?.sendMessage !== 'function') missing.push('WWebJS');
  return missing;
}

/** Acknowledges the "What's new" dialog, which otherwise ends a fresh link after some minutes (fact A8). */
export function acknowledgeNews(): void {
  const acknowledgements = [
    () => window.require('WAWebUserPrefsUiRefresh')?.setUiRefreshNuxAcked?.(true),
    () => window.require('WAWebModalManager')?.ModalManager?.close?.(),
  ];
  for (const acknowledge of acknowledgements) {
    try {
      acknowledge();
    } catch {
      // A page without the dialog has nothing to acknowledge.
    }
  }
}

/** Asks the page for a new QR code. */
export function refreshQr(): void {
  window.require('WAWebCmd').Cmd.refreshQR();
}

/**
 * Asks WhatsApp for a code that is typed on the phone of that number, in place of a QR. Null if `once`, and this document
 * was asked already. Rejects if WhatsApp gives none.
 */
export async function requestPairingCode(phoneNumber: string, once: boolean): Promise<string | null> {
  const switchboard = window.switchboard;
  if (!switchboard) throw new Error('The bridge is not in this page.');
  if (once && switchboard.linksByCode) return null;
  switchboard.linksByCode = true;
  const linking = window.require('WAWebAltDeviceLinkingApi');
  linking.setPairingType('ALT_DEVICE_LINKING');
  await linking.initializeAltDeviceLinking();
  const code: unknown = await linking.startAltLinkingFlow(phoneNumber, true);
  if (typeof code !== 'string' || code === '') throw new Error('WhatsApp answered without a pairing code.');
  return code;
}

/**
 * Chooses what the phone shows as this device among its linked devices. The library does the same, but a page without
 * that part could then not be linked at all.
 */
export function nameDevice(os: string): void {
  try {
    const utils = window.require('WAWebMiscBrowserUtils');
    const { info } = utils;
    if (typeof info !== 'function') return;
    utils.info = () => ({ ...info(), os });
  } catch {
    // The phone shows the page's own name.
  }
}

/** True if the page shows a dialog that speaks of a passkey (fact A24), by whatever it can be told from. */
export function showsPasskeyDialog(): boolean {
  const dialogs = document.querySelectorAll(
    'dialog, [role="dialog"], [role="alertdialog"], [aria-modal="true"]',
  );
  return [...dialogs].some((dialog) => {
    const names = ['id', 'data-testid', 'aria-label'].map((name) => dialog.getAttribute(name) ?? '');
    const isSeen = dialog.getClientRects().length > 0;
    return isSeen && /pass-?key/i.test([...names, dialog.textContent].join(' '));
  });
}

/** Has the page's socket try again at once, instead of when its own pause is over. */
export function reconnectSocket(): void {
  window.require('WAWebSocketModel').Socket.reconnect();
}

/** Ends the link on WhatsApp's side. */
export async function logOut(): Promise<void> {
  await window.require('WAWebSocketModel').Socket.logout();
}

export type PagePrepared = { missing: true } | { missing: false; id: unknown; phone: string | undefined };

/**
 * Resolves the recipient and makes a key for a message to it. A number is missing if the page says so, not if it
 * has nothing to say.
 */
export async function prepareSend(to: string): Promise<PagePrepared> {
  const { createWid } = window.require('WAWebWidFactory');
  const { Chat } = window.require('WAWebCollections');
  let target = to;
  if (to.endsWith('@c.us') && !Chat.get(createWid(to))) {
    // biome-ignore lint/suspicious/noExplicitAny: a module of the page has no types.
    let job: any;
    try {
      job = window.require('WAWebQueryExistsJob');
    } catch {
      job = undefined;
    }
    const found = await job?.queryWidExists?.(createWid(to));
    if (found === null || (found && !found.wid)) return { missing: true };
    const wid = found?.wid?._serialized ?? found?.wid?.toString?.();
    if (typeof wid === 'string' && /^\d+@(c\.us|lid)$/.test(wid)) target = wid;
  }
  const chat = await window.WWebJS.getChat(target, { getAsModel: false });
  if (!chat) throw new Error('The page opens no chat with the recipient.');
  const bareId = await window.require('WAWebMsgKey').newId();
  return {
    missing: false,
    id: { ...window.switchboard?.makeKey(chat, bareId) },
    phone: window.switchboard?.phoneOf(chat.id),
  };
}

/** What the page knows of a message; undefined if it has none of this key. */
export async function findMessage(key: PageKey): Promise<PageGlimpse | undefined> {
  const message = await window.switchboard?.find(key);
  return message ? { id: { ...message.id }, ack: Number(message.ack) } : undefined;
}

export interface PageSend {
  readonly pageChatId: string;
  readonly key: PageKey;
  readonly text: string;
  /** The library's own send options (its Client.sendMessage builds the same). */
  readonly options: Record<string, unknown>;
  /** Fields laid over the message, for kinds that the library would take apart first. */
  readonly fields: Record<string, unknown>;
}

/** What the page has after a send, and what the page said if it refused. */
export interface PageSent {
  readonly glimpse: PageGlimpse | undefined;
  readonly refusal: string | undefined;
}

/** Hands a message to the page under the key that was prepared for it. */
export async function sendPrepared(send: PageSend): Promise<PageSent> {
  const switchboard = window.switchboard;
  // A document that has just been loaded cannot send yet; that says nothing about the message (F3).
  if (!switchboard?.listening || !window.WWebJS?.sendMessage)
    throw new Error('The page is not ready to send.');
  const chat = await window.WWebJS.getChat(send.pageChatId, { getAsModel: false });
  if (!chat) throw new Error('The page has no such chat now.');
  const id = switchboard.makeKey(chat, send.key.bareId);
  let refusal: string | undefined;
  try {
    await window.WWebJS.sendMessage(chat, send.text, {
      ...send.options,
      extraOptions: { ...send.fields, id },
    });
  } catch (thrown) {
    refusal = String((thrown as Error | undefined)?.message ?? thrown);
  }
  const message = await switchboard.find(send.key);
  return { glimpse: message ? { id: { ...message.id }, ack: Number(message.ack) } : undefined, refusal };
}

export type PageDownload =
  | { status: 'bytes'; data: string; mimetype: string | null; filename: string | null }
  | { status: 'gone' }
  | { status: 'later' };

/** Fetches a message's media as base64; `later` while the sender's phone uploads it again (fact A20). */
export async function downloadMedia(key: PageKey): Promise<PageDownload> {
  // biome-ignore lint/suspicious/noExplicitAny: a model of the page has no types.
  const message = (await window.switchboard?.find(key)) as any;
  if (!message?.mediaData) return { status: 'gone' };
  if (message.mediaData.mediaStage === 'REUPLOADING') return { status: 'later' };
  if (message.mediaData.mediaStage !== 'RESOLVED') {
    await message.downloadMedia({ downloadEvenIfExpensive: true, rmrReason: 1 });
  }
  const stage = String(message.mediaData.mediaStage);
  if (stage === 'REUPLOADING' || stage === 'FETCHING') return { status: 'later' };
  if (stage.includes('ERROR')) return { status: 'gone' };
  const unmeasured = {
    addAnnotations: () => unmeasured,
    addPoint: () => unmeasured,
  };
  try {
    const bytes = await window.require('WAWebDownloadManager').downloadManager.downloadAndMaybeDecrypt({
      directPath: message.directPath,
      encFilehash: message.encFilehash,
      filehash: message.filehash,
      mediaKey: message.mediaKey,
      mediaKeyTimestamp: message.mediaKeyTimestamp,
      type: message.type,
      signal: new AbortController().signal,
      downloadQpl: unmeasured,
    });
    return {
      status: 'bytes',
      data: await window.WWebJS.arrayBufferToBase64Async(bytes),
      mimetype: message.mimetype ?? null,
      filename: message.filename ?? null,
    };
  } catch (thrown) {
    if ((thrown as { status?: number } | undefined)?.status === 404) return { status: 'gone' };
    throw thrown;
  }
}

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

/** Marks this document as listened to; false if it was already, or if injection did not begin in it. */
export function beginListening(): boolean {
  const switchboard = window.switchboard;
  if (!switchboard?.injected || switchboard.listening) return false;
  switchboard.listening = true;
  return true;
}

/** Tells the socket's state again. */
export function reportSocket(): void {
  window.switchboard?.report?.();
}

/**
 * Keeps one message that the library cannot serialise from being lost to it and to all that are read with it
 * (fact A1): the model itself then stands in, of which only known fields are picked anyway.
 */
export function softenLibrary(): void {
  const { getMessageModel } = window.WWebJS;
  window.WWebJS.getMessageModel = (model: unknown) => {
    try {
      return getMessageModel(model);
    } catch {
      return model;
    }
  };
}

/** Marks this document as injected; false if it was already. */
export function beginInjection(): boolean {
  const switchboard = window.switchboard;
  if (!switchboard) throw new Error('The bridge is not in this page.');
  if (switchboard.injected) return false;
  switchboard.injected = true;
  return true;
}

/** True once the page's own code is there. */
export function hasPageCode(): boolean {
  const debug = (window as { Debug?: { VERSION?: unknown } }).Debug;
  return debug?.VERSION !== undefined;
}
