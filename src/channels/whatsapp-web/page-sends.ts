import type { PageFile } from './page-media.ts';
import type { PageGlimpse, PageKey, PageModel } from './page-model.ts';

/**
 * Functions that run in the page, each by one call from Node: what sends messages and looks them up, by key in whichever
 * dialect the page speaks (facts A1, A16, A22).
 */

export type PagePrepared =
  | { missing: true }
  /** Why there is no chat with a recipient that is no number. */
  | { unopened: string }
  | { missing: false; id: unknown; phone: string | undefined };

/**
 * Resolves the recipient and makes a key for a message to it. A number is missing if the page says so; where it answers
 * without a word, as the library has it, only if it opens no chat with it either.
 */
export async function prepareSend(to: string): Promise<PagePrepared> {
  const switchboard = window.connectedSwitchboard();
  const { createWid } = window.require('WAWebWidFactory');
  const { Chat } = window.require('WAWebCollections');
  let target = to;
  let isUnheardOf = false;
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
    isUnheardOf = typeof job?.queryWidExists === 'function' && !found;
    const wid = found?.wid?._serialized ?? found?.wid?.toString?.();
    if (typeof wid === 'string' && /^\d+@(c\.us|lid)$/.test(wid)) target = wid;
  }
  let chat: PageModel;
  try {
    chat = await window.WWebJS.getChat(target, { getAsModel: false });
    if (!chat) throw new Error('The page opens no chat with the recipient.');
  } catch (thrown) {
    // A page whose line is down may have nothing to say of anybody.
    if (switchboard.line?.whyDown() !== undefined) throw thrown;
    if (isUnheardOf) return { missing: true };
    // A number is asked for beforehand: what is thrown at one is the page's own fault.
    if (to.endsWith('@c.us')) throw thrown;
    return { unopened: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  const bareId = await window.require('WAWebMsgKey').newId();
  return {
    missing: false,
    id: { ...switchboard.makeKey(chat, bareId) },
    phone: switchboard.phoneOf(chat.id),
  };
}

/** What the page knows of a message; undefined if it has none of this key. */
export async function findMessage(key: PageKey): Promise<PageGlimpse | undefined> {
  const switchboard = window.connectedSwitchboard();
  const message = await switchboard.find(key);
  return message && switchboard.glimpse(message);
}

export interface PageSend {
  readonly pageChatId: string;
  readonly key: PageKey;
  readonly text: string;
  /** The library's own send options (its Client.sendMessage builds the same). */
  readonly options: Record<string, unknown>;
  /** Fields laid over the message, for kinds that the library would take apart first. */
  readonly fields: Record<string, unknown>;
  /** The message that it answers. The library itself would look for it by one name only, and send without it. */
  readonly quoted: PageKey | null;
}

/** What the page has after a send, and what the page said if it refused. */
export interface PageSent {
  readonly glimpse: PageGlimpse | undefined;
  readonly refusal: string | undefined;
}

/** What kept the message from being given to the page's own code: nothing of it left. */
export interface PageWithheld {
  readonly withheld: string;
}

/**
 * Hands a message, and the file that it carries, to the page under the key that was prepared for it. The library makes a
 * sticker of a picture only for those who send by its own client. The message takes its turn at the last moment, a file
 * once more when it is uploaded: the line may have changed meanwhile (see watchLine).
 */
export async function sendPrepared(send: PageSend, file: PageFile | null): Promise<PageSent | PageWithheld> {
  const switchboard = window.switchboard;
  // A document that has just been loaded cannot send yet; that says nothing about the message (F3).
  if (!switchboard?.listening || !window.WWebJS?.sendMessage)
    return { withheld: 'The page is not ready to send.' };
  const down = switchboard.line?.whyDown();
  if (down !== undefined) return { withheld: down };
  let chat: PageModel | undefined;
  let id: unknown;
  try {
    chat = await window.WWebJS.getChat(send.pageChatId, { getAsModel: false });
    if (!chat) return { withheld: 'The page has no such chat now.' };
    id = switchboard.makeKey(chat, send.key.bareId);
  } catch (thrown) {
    return {
      withheld: `The page opens no such chat now: ${(thrown as Error | undefined)?.message ?? thrown}`,
    };
  }
  let quoted: PageModel | undefined;
  try {
    quoted = send.quoted ? await switchboard.find(send.quoted) : undefined;
  } catch (thrown) {
    const reason = (thrown as Error | undefined)?.message ?? thrown;
    return { withheld: `The page cannot look up the message that this one answers: ${reason}` };
  }
  let refusal: string | undefined;
  let withheld: string | undefined;
  const takeTurn = async () => {
    withheld = await switchboard.line?.awaitTurn(chat, send.key.bareId);
    if (withheld !== undefined) throw new Error(withheld);
  };
  try {
    const quote = send.quoted ? switchboard.quote(quoted, chat) : {};
    await takeTurn();
    if (file && 'unreadable' in file) throw new Error(file.unreadable);
    const isPicture = send.options.sendMediaAsSticker && file && file.mimetype !== 'image/webp';
    const media = isPicture
      ? {
          ...file,
          mimetype: 'image/webp',
          file: await window.require('WAWebImageUtils').toWebpSticker(file.file),
        }
      : file;
    await window.WWebJS.sendMessage(chat, send.text, {
      ...send.options,
      ...(media ? { media: { ...media, whenUploaded: takeTurn } } : {}),
      extraOptions: { ...quote, ...send.fields, id },
    });
  } catch (thrown) {
    if (withheld !== undefined) return { withheld };
    refusal = String((thrown as Error | undefined)?.message ?? thrown);
  }
  const message = await switchboard.find(send.key);
  return { glimpse: message && switchboard.glimpse(message), refusal };
}
