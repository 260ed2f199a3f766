import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { InboundEvent } from '../../messages/inbound-event.ts';
import { newsToEvent } from './message-conversion.ts';
import type { PageNews, SocketNews } from './page-model.ts';

/** Who hears what of the page's news, in the order in which it happened. */
export interface NewsHearers {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  /** Resolves when more events may be told; never rejects. */
  readonly whenRoom: () => Promise<void>;
  onEvents(events: readonly InboundEvent[]): void;
  /** News from before what follows was dropped. */
  onGap(): void;
  onSocket(news: SocketNews): void;
  onPasskey(): void;
  onLogout(): void;
  onStorageClosed(): void;
}

/**
 * Page news of one pack; resolves when there is room for the next. One that cannot be read is left out, not thrown back
 * into the page with its neighbours.
 */
export async function hearPageNews(pack: readonly PageNews[], hearers: NewsHearers): Promise<void> {
  const now = hearers.clock.now();
  const events: InboundEvent[] = [];
  const tellEvents = () => {
    if (events.length > 0) hearers.onEvents(events.splice(0));
  };
  for (const news of pack) {
    if (news.kind === 'socket') {
      hearers.onSocket(news);
    } else if (news.kind === 'passkey') {
      hearers.onPasskey();
    } else if (news.kind === 'logout') {
      hearers.onLogout();
    } else if (news.kind === 'storage-closed') {
      hearers.onStorageClosed();
    } else if (news.kind === 'overflow') {
      tellEvents();
      hearers.onGap();
    } else {
      const event = toEvent(news, now, hearers.log);
      if (event) events.push(event);
    }
  }
  if (events.length === 0) return;
  tellEvents();
  await hearers.whenRoom();
}

function toEvent(news: PageNews, now: number, log: Logger): InboundEvent | undefined {
  try {
    return newsToEvent(news, now);
  } catch (thrown) {
    log.error('News of the page could not be read', { kind: news.kind, error: toError(thrown).message });
    return undefined;
  }
}
