/**
 * Functions that run in the page, each by one call from Node: what starts, links, watches and ends a session. They use
 * only modules that the library itself uses (fact A1). See page-sends.ts, page-reading.ts and page-media.ts for messages.
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

/**
 * Names of what connecting, receiving, sending and acks need and the page lacks; empty if it is whole (A1). A page registers
 * its modules one after another, and may be connected before the last is there: it is waited for up to `graceMs`.
 */
export async function selfTest(graceMs: number): Promise<string[]> {
  /** Nothing tells that a module was registered. */
  const POLL_MS = 50;
  // biome-ignore lint/suspicious/noExplicitAny: the page's modules have no types.
  const needed: [string, (module: any) => unknown][] = [
    ['WAWebCollections', (m) => m.Msg && m.Chat],
    ['WAWebMsgKey', (m) => typeof m === 'function' && m.newId],
    ['WAWebWidFactory', (m) => m.createWid],
    ['WAWebSendMsgChatAction', (m) => m.addAndSendMsgToChat],
    ['WAWebUserPrefsMeUser', (m) => m.getMaybeMePnUser || m.getMaybeMeLidUser],
    // The library's listeners cannot be attached without these two.
    ['WAWebSyncGatingUtils', (m) => m],
    ['WAWebCallCollection', () => true],
  ];
  const isThere = ([name, check]: (typeof needed)[number]) => {
    try {
      return Boolean(check(window.require(name)));
    } catch {
      return false;
    }
  };
  const end = performance.now() + graceMs;
  let missing = needed.filter((each) => !isThere(each));
  while (missing.length > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    missing = missing.filter((each) => !isThere(each));
  }
  return missing.map(([name]) => name);
}

/**
 * Acknowledges the "What's new" dialog, which otherwise ends a fresh link after some minutes (fact A8), in each way that
 * versions of the page have for it. One that is not open yet may have to be acknowledged again when it is.
 */
export function acknowledgeNews(): void {
  const coolOffDays = () => {
    try {
      return window.require('WAWebWhatsNewGatingUtils')?.getWhatsNewAutoModalCooldownDays?.();
    } catch {
      return undefined;
    }
  };
  const acknowledgements = [
    () => window.require('WAWebUserPrefsUiRefresh')?.setUiRefreshNuxAcked?.(true),
    () => {
      const news = window.require('WAWebWhatsNewNux')?.createWhatsNewNux?.(coolOffDays());
      // Each counts, and there is a most that it counts to.
      if (news?.shouldShow?.() !== false) news?.dismiss?.();
    },
    // Last: what closes may ask whether it was dismissed.
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

/** What tells this document from those before and after it. */
export function tellDocument(): number {
  return performance.timeOrigin;
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
  const { getMessageModel, injectToFunction } = window.WWebJS;
  window.WWebJS.getMessageModel = (model: unknown) => {
    try {
      return getMessageModel(model);
    } catch {
      return model;
    }
  };
  // Its own listener looks the poll up by a text that today's keys lack (A1), and then keeps the vote from the page too.
  type Rows = readonly Record<string, unknown>[];
  const tellVotes = (module: unknown, store: (...rows: unknown[]) => unknown, ...args: unknown[]) => {
    window.onPollVoteEvent?.(args[0] as Rows);
    return store.apply(module, args);
  };
  window.WWebJS.injectToFunction = (target: { module: string }, callback: unknown) =>
    injectToFunction(target, target.module === 'WAWebAddonPollVoteTableMode' ? tellVotes : callback);
}

/** Marks this document as injected; false if it was already. */
export function beginInjection(): boolean {
  const switchboard = window.switchboard;
  if (!switchboard) throw new Error('The bridge is not in this page.');
  if (switchboard.injected) return false;
  switchboard.injected = true;
  return true;
}

/**
 * True once all that injection takes at once is there: the page's version, and each module that the library's `inject` asks
 * for without a second look. A page may tell its version long before it has registered the last of them. None is asked
 * for before the page has loaded, as the library has it: asking for a module runs it, and those that it needs may be
 * missing until then. A page that has not loaded after `loadGraceMs` is looked into all the same.
 */
export function hasPageCode(loadGraceMs: number): boolean {
  const { Debug } = window as { Debug?: { VERSION?: unknown } };
  if (Debug?.VERSION === undefined || typeof window.require !== 'function') return false;
  if (document.readyState !== 'complete' && performance.now() < loadGraceMs) return false;
  const names = [
    'WAWebAltDeviceLinkingApi',
    'WABase64',
    'WAWebCompanionRegClientUtils',
    'WAWebAdvSignatureApi',
    'WAWebUserPrefsInfoStore',
    'WAWebSignalStoreApi',
    'WAWebUserPrefsMultiDevice',
  ];
  try {
    const { Socket } = window.require('WAWebSocketModel');
    const { Cmd } = window.require('WAWebCmd');
    const [conn, offline] = [window.require('WAWebConnModel'), window.require('WAWebOfflineHandler')];
    for (const name of names) window.require(name);
    return typeof Socket.on === 'function' && typeof Cmd.on === 'function' && Boolean(conn.Conn && offline);
  } catch {
    // The one that it asked for last is not registered yet.
    return false;
  }
}
