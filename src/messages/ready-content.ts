import type { OutgoingContent } from '../channels/channel.ts';
import type { MediaStore } from './media-store.ts';
import { storedToContent } from './outgoing-content.ts';
import type { StoredContent } from './stored-content.ts';

/** Content that can be sent at once: its file, if it has one, is on this machine's disk until it is disposed. */
export interface ReadyContent extends AsyncDisposable {
  readonly content: OutgoingContent;
}

/**
 * Makes the content of a row ready to be sent. The signal ends the fetching of its file.
 * @throws AppError SEND_REFUSED or MEDIA_NOT_FOUND if it never will be; whatever `openMedia` throws
 */
export async function openReadyContent(
  stored: StoredContent,
  openMedia: MediaStore['openLocal'],
  signal: AbortSignal,
): Promise<ReadyContent> {
  await using stack = new AsyncDisposableStack();
  const file = stored.media === null ? null : stack.use(await openMedia(stored.media.sha256, signal));
  const content = storedToContent(stored, file?.path ?? null);
  const opened = stack.move();
  return { content, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
