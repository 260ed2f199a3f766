import { basename } from 'node:path';
import type { JSHandle, Page } from 'puppeteer';
import type { OutgoingMedia } from '../channel.ts';
import { makeFileInput, type PageFile, takeFile } from './page-media.ts';

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
    await input.dispose();
  }
}
