import type { AccountId } from '../../src/accounts/ids.ts';
import type { ConnectedSession, MediaDownload } from '../../src/channels/channel.ts';
import { AppError } from '../../src/lib/errors.ts';

/** A connected account without a page behind it: nothing is to be read back of it, and nothing can be sent. */
export class PagelessSession implements ConnectedSession {
  readonly accountId: AccountId;
  readonly restoredFrom = null;
  readonly restoredAt = null;

  constructor(accountId: AccountId) {
    this.accountId = accountId;
  }

  prepareSend(): Promise<never> {
    return refuse();
  }
  send(): Promise<never> {
    return refuse();
  }
  react(): Promise<never> {
    return refuse();
  }
  async findMessage(): Promise<undefined> {
    return undefined;
  }
  async downloadMedia(): Promise<MediaDownload> {
    return { status: 'gone' };
  }
  async readContacts(): Promise<readonly never[]> {
    return [];
  }
  async readChatList(): Promise<readonly never[]> {
    return [];
  }
  async listChats(): Promise<readonly never[]> {
    return [];
  }
  async readChat(): Promise<readonly never[]> {
    return [];
  }
}

async function refuse(): Promise<never> {
  throw new AppError('SESSION_FAULT', { message: 'There is no page.' });
}
