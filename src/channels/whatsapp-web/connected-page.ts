import type { JSHandle, Page } from 'puppeteer';
import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, isAppError, toError } from '../../lib/errors.ts';
import { KeyedSerial } from '../../lib/keyed-serial.ts';
import type { Capping } from '../../limits/capping.ts';
import type { ReadPlace } from '../../messages/inbound-event.ts';
import { type MessageKey, parseRawKey, parseWid } from '../../messages/whatsapp-key.ts';
import type {
  ChatGlimpse,
  ChatListing,
  ConnectedSession,
  ContactGlimpse,
  ListRange,
  MediaDownload,
  MessageGlimpse,
  OutgoingContent,
  OutgoingMedia,
  PreparedSend,
} from '../channel.ts';
import { pageChatToListing, pageContactToGlimpse } from './directory-conversion.ts';
import { pageLimitsToCapping } from './limit-conversion.ts';
import { NOT_MESSAGES, pageMessageToReadPlace } from './message-conversion.ts';
import { toPageAck } from './page-ack.ts';
import { reconnectSocket } from './page-calls.ts';
import { readChatList, readContacts } from './page-directory.ts';
import { fetchMedia, putFile, release } from './page-file.ts';
import { keyToPageKey } from './page-key.ts';
import { readLimits } from './page-limits.ts';
import type { PageFile } from './page-media.ts';
import type { PageGlimpse } from './page-model.ts';
import { reactToMessage } from './page-reaction.ts';
import { listChats, readChat } from './page-reading.ts';
import { contentToPageSend } from './page-send-content.ts';
import {
  findMessage,
  type PageSend,
  type PageSent,
  type PageWithheld,
  prepareSend,
  sendPrepared,
} from './page-sends.ts';

/**
 * Heavy calls of a kind take turns: a page that moves two large files at once answers nothing else (fact A18). A file that
 * hangs keeps nobody from reading, for which live messages may wait.
 */
type Lane = 'files' | 'reading';

/**
 * A connected page as the rest of the daemon uses it. It lives as long as the connection; afterwards every call rejects with
 * SESSION_FAULT, a send with SEND_WITHHELD, and what was waiting for its turn does nothing more in the page, which may be that
 * of the next connection by then.
 */
export class ConnectedPage implements ConnectedSession {
  readonly accountId: AccountId;
  readonly #page: Page;
  readonly #clock: Clock;
  readonly #timings: SessionTimings;
  readonly #signal: AbortSignal;
  readonly #heavy = new KeyedSerial<Lane>();
  #underWay = 0;
  #usedAt: number;

  constructor(
    accountId: AccountId,
    page: Page,
    deps: {
      readonly clock: Clock;
      readonly timings: SessionTimings;
      /** Aborts when the connection is over. */
      readonly signal: AbortSignal;
    },
  ) {
    this.accountId = accountId;
    this.#page = page;
    this.#clock = deps.clock;
    this.#timings = deps.timings;
    this.#signal = deps.signal;
    this.#usedAt = deps.clock.monotonic();
  }

  /** Since when nobody has used the page, nor heard of it after `heardAt`; null while a call is under way. Monotonic. */
  idleSince(heardAt: number): number | null {
    return this.#underWay > 0 ? null : Math.max(this.#usedAt, heardAt);
  }

  async prepareSend(to: string): Promise<PreparedSend> {
    const prepared = await this.#call('Preparing a message', () => this.#page.evaluate(prepareSend, to));
    if ('unopened' in prepared)
      throw new AppError('SEND_REFUSED', {
        message: `WhatsApp Web opens no such chat: ${prepared.unopened}`,
      });
    if (prepared.missing) throw new AppError('NOT_ON_WHATSAPP');
    const key = parseRawKey(prepared.id);
    if (key === undefined)
      throw new AppError('SESSION_FAULT', { message: 'The page made a key of no known shape.' });
    return { key, chatId: parseWid(prepared.phone) ?? key.chatId };
  }

  async send(
    prepared: PreparedSend,
    content: OutgoingContent,
    options: { readonly quoted?: MessageKey },
  ): Promise<MessageGlimpse> {
    const send = contentToPageSend(prepared, content, options.quoted);
    const sent = await (content.kind === 'media' ? this.#sendMedia(send, content) : this.#give(send));
    if ('withheld' in sent) throw new AppError('SEND_WITHHELD', { message: sent.withheld });
    const { glimpse, refusal } = sent;
    if (glimpse) return toGlimpse(glimpse, prepared);
    if (refusal !== undefined) throw new AppError('SEND_REFUSED', { message: refusal });
    throw new AppError('SEND_OUTCOME_UNKNOWN');
  }

  async findMessage(prepared: PreparedSend): Promise<MessageGlimpse | undefined> {
    const glimpse = await this.#call('Looking a message up', () =>
      this.#page.evaluate(findMessage, keyToPageKey(prepared.key, prepared.chatId)),
    );
    return glimpse ? toGlimpse(glimpse, prepared) : undefined;
  }

  async react({ key, chatId }: PreparedSend, emoji: string): Promise<void> {
    const taken = await this.#call('Reacting', () =>
      this.#page.evaluate(reactToMessage, keyToPageKey(key, chatId), emoji),
    );
    if (!taken) throw new AppError('MESSAGE_NOT_REACTABLE');
  }

  async readCapping(): Promise<Capping | undefined> {
    const limits = await this.#call("Reading WhatsApp's limits", () => this.#page.evaluate(readLimits));
    return pageLimitsToCapping(limits, this.#clock.now());
  }

  async renewLine(): Promise<void> {
    await this.#call('Reconnecting the socket', () => this.#page.evaluate(reconnectSocket));
  }

  downloadMedia(key: MessageKey): Promise<MediaDownload> {
    return fetchMedia(this.#page, keyToPageKey(key, key.chatId), (work) =>
      this.#heavyCall('files', 'Fetching media', work),
    );
  }

  async listChats(): Promise<readonly ChatGlimpse[]> {
    const chats = await this.#call('Listing the chats', () => this.#page.evaluate(listChats));
    return chats
      .map((chat) => ({
        pageChatId: chat.pageChatId,
        chatId: parseWid(chat.phone) ?? chat.pageChatId,
        lastMessageAt: chat.t * 1000,
        mark: chat.mark,
      }))
      .sort((a, b) => b.lastMessageAt - a.lastMessageAt);
  }

  async readChat(
    pageChatId: string,
    range: { readonly offset: number; readonly limit: number },
  ): Promise<readonly ReadPlace[]> {
    const messages = await this.#heavyCall('reading', 'Reading a chat back', () =>
      this.#page.evaluate(readChat, pageChatId, range, [...NOT_MESSAGES]),
    );
    const now = this.#clock.now();
    return messages.map((message) => pageMessageToReadPlace(message, now));
  }

  async readContacts({ after, limit }: ListRange): Promise<readonly ContactGlimpse[]> {
    const contacts = await this.#heavyCall('reading', 'Reading the contacts', () =>
      this.#page.evaluate(readContacts, after, limit),
    );
    return contacts.map(pageContactToGlimpse);
  }

  async readChatList({ after, limit }: ListRange): Promise<readonly ChatListing[]> {
    const chats = await this.#heavyCall('reading', 'Reading the list of chats', () =>
      this.#page.evaluate(readChatList, after, limit),
    );
    return chats.map(pageChatToListing);
  }

  /** The file first, within a deadline of its own: one that comes too late is not sent behind the caller's back. */
  #sendMedia(send: PageSend, content: OutgoingMedia): Promise<PageSent | PageWithheld> {
    return this.#heavy.run('files', async () => {
      this.#requireConnection('SEND_WITHHELD');
      const putting = putFile(this.#page, content);
      try {
        return await this.#give(send, await this.#awaitFile(putting));
      } finally {
        release(putting);
      }
    });
  }

  async #awaitFile(putting: Promise<JSHandle<PageFile>>): Promise<JSHandle<PageFile>> {
    try {
      return await this.#call('Giving the page a file', () => putting, this.#timings.heavyCallDeadlineMs);
    } catch (thrown) {
      throw new AppError('SEND_WITHHELD', { cause: thrown, message: toError(thrown).message });
    }
  }

  /** Once the page may have the message, no failure of a call says that it has not. */
  async #give(send: PageSend, file: JSHandle<PageFile> | null = null): Promise<PageSent | PageWithheld> {
    const { callDeadlineMs, heavyCallDeadlineMs } = this.#timings;
    const [what, deadlineMs] =
      file === null ? ['Sending', callDeadlineMs] : ['Sending media', heavyCallDeadlineMs];
    this.#requireConnection('SEND_WITHHELD');
    try {
      return await this.#call(what, () => this.#page.evaluate(sendPrepared, send, file), deadlineMs);
    } catch (thrown) {
      throw new AppError('SEND_OUTCOME_UNKNOWN', { cause: thrown, message: toError(thrown).message });
    }
  }

  #heavyCall<T>(lane: Lane, what: string, work: () => Promise<T>): Promise<T> {
    return this.#heavy.run(lane, () => this.#call(what, work, this.#timings.heavyCallDeadlineMs));
  }

  async #call<T>(
    what: string,
    work: () => Promise<T>,
    deadlineMs = this.#timings.callDeadlineMs,
  ): Promise<T> {
    this.#requireConnection('SESSION_FAULT');
    this.#underWay += 1;
    try {
      return await withDeadline(work(), deadlineMs, what);
    } catch (thrown) {
      if (isAppError(thrown)) throw thrown;
      const error = toError(thrown);
      throw new AppError('SESSION_FAULT', { message: `${what} failed: ${error.message}`, cause: error });
    } finally {
      this.#underWay -= 1;
      this.#usedAt = this.#clock.monotonic();
    }
  }

  #requireConnection(code: 'SEND_WITHHELD' | 'SESSION_FAULT'): void {
    if (this.#signal.aborted) throw new AppError(code, { message: 'The session is no longer connected.' });
  }
}

function toGlimpse(glimpse: PageGlimpse, prepared: PreparedSend): MessageGlimpse {
  return {
    key: parseRawKey(glimpse.id) ?? prepared.key,
    ...toPageAck(glimpse.ack, glimpse.reason),
  };
}
