import { afterEach, expect, it } from 'vitest';
import { downloadMedia } from '../../../../src/channels/whatsapp-web/page-media.ts';
import type { PageKey } from '../../../../src/channels/whatsapp-web/page-model.ts';
import { closeStrangePage, openConnectedPage, WAWebWidFactory, Wid } from '../../../support/strange-page.ts';

afterEach(closeStrangePage);

const KEY: PageKey = { fromMe: false, bareId: 'AB12', participant: null, chatIds: ['49@c.us'] };
const BYTES = new Uint8Array([1, 2, 3]);

/** A page with one message; its download leaves it in that stage. */
function openPage(message: Record<string, unknown> | undefined, downloaded = 'RESOLVED') {
  const model = message && {
    id: { id: KEY.bareId, fromMe: false, remote: new Wid('49@c.us') },
    downloadMedia: async () => Object.assign(message.mediaData as object, { mediaStage: downloaded }),
    ...message,
  };
  const Msg = { get: () => model, getMessagesById: async () => ({ messages: model ? [model] : [] }) };
  const downloadManager = { downloadAndMaybeDecrypt: async () => BYTES };
  openConnectedPage({
    WAWebCollections: { Msg, Chat: { get: () => undefined } },
    WAWebWidFactory,
    WAWebDownloadManager: { downloadManager },
  });
}

it.each<[string, Record<string, unknown> | undefined, string, string]>([
  ['is not there', undefined, '', 'gone'],
  ['was revoked', { type: 'revoked' }, '', 'gone'],
  ['has nothing to load yet', { type: 'image' }, '', 'later'],
  ['is being uploaded again', { mediaData: { mediaStage: 'REUPLOADING' } }, '', 'later'],
  ['turns out to be missing', { mediaData: { mediaStage: 'INIT' } }, 'ERROR_MISSING', 'gone'],
  ['was missing', { mediaData: { mediaStage: 'ERROR_MISSING' } }, 'ERROR_MISSING', 'gone'],
  ['could not be loaded', { mediaData: { mediaStage: 'INIT' } }, 'ERROR_UNKNOWN', 'later'],
  ['fails otherwise', { mediaData: { mediaStage: 'INIT' } }, 'ERROR_NETWORK', 'later'],
  ['is still on its way', { mediaData: { mediaStage: 'INIT' } }, 'FETCHING', 'later'],
  ['could not be loaded before', { mediaData: { mediaStage: 'ERROR_UNKNOWN' } }, 'RESOLVED', 'bytes'],
])('answers for media that %s (A20)', async (_title, message, downloaded, status) => {
  openPage(message, downloaded);
  expect(await downloadMedia(KEY)).toMatchObject({ status });
});
