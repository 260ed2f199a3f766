import { basename } from 'node:path';
import type { JSHandle, Page } from 'puppeteer';
import { AppError } from '../../lib/errors.ts';
import type { MediaDownload, OutgoingMedia } from '../channel.ts';
import {
  describeDownload,
  downloadMedia,
  makeFileInput,
  type PageDownload,
  type PageFile,
  readDownload,
  takeFile,
} from './page-media.ts';
import type { PageKey } from './page-model.ts';

/** What is read of a download at once, in bytes: more is no faster, and keeps the page's other answers waiting. */
const PIECE_BYTES = 1024 ** 2;

/** Does a piece of work in the page, in its turn and within a deadline. */
type Ask = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Puts a file from the disk into the page, where it is until the handle is disposed. The browser reads it itself: its bytes
 * do not come through this process, nor over DevTools (fact A18).
 */
export async function putFile(page: Page, media: OutgoingMedia): Promise<JSHandle<PageFile>> {
  const input = await page.evaluateHandle(makeFileInput);
  try {
    await input.uploadFile(media.path);
    const filename = media.fileName ?? basename(media.path);
    return await page.evaluateHandle(takeFile, input, { mimetype: media.mimeType, filename });
  } finally {
    release(input);
  }
}

/** Has the page fetch the media of a message, whose bytes then come in pieces, each asked for by itself. */
export async function fetchMedia(page: Page, key: PageKey, ask: Ask): Promise<MediaDownload> {
  let held: Promise<JSHandle<PageDownload>> | undefined;
  try {
    const download = await ask(() => {
      held = page.evaluateHandle(downloadMedia, key);
      return held;
    });
    const head = await ask(() => download.evaluate(describeDownload));
    if (head.status !== 'bytes') {
      release(download);
      return head;
    }
    const { size, mimetype, filename } = head;
    return {
      status: 'bytes',
      bytes: readPieces(download, size, ask),
      mimeType: mimetype,
      fileName: filename,
    };
  } catch (thrown) {
    release(held);
    throw thrown;
  }
}

async function* readPieces(
  download: JSHandle<PageDownload>,
  size: number,
  ask: Ask,
): AsyncGenerator<Uint8Array> {
  try {
    for (let from = 0; from < size; from += PIECE_BYTES) {
      const to = Math.min(size, from + PIECE_BYTES);
      const piece = Buffer.from(await ask(() => download.evaluate(readDownload, from, to)), 'base64');
      if (piece.length !== to - from)
        throw new AppError('SESSION_FAULT', { message: 'The page gave less of a file than it has.' });
      yield piece;
    }
  } finally {
    release(download);
  }
}

/**
 * Lets go of something in the page, also if it only comes there later. Nobody waits for it: a page that hangs does not
 * answer, and one that is gone has let go of everything.
 */
export function release(held: JSHandle | Promise<JSHandle> | undefined): void {
  void Promise.resolve(held)
    .then((handle) => handle?.dispose())
    .catch(() => undefined);
}
