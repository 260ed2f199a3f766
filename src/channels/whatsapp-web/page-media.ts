import type { PageKey } from './page-model.ts';

/** Functions that run in the page, each by one call from Node: what moves the bytes of media (facts A18, A20). */

/** A file in the page, as the library's functions for media take it (see letLibraryTakeFiles), or why it is not there. */
export type PageFile =
  | { readonly mimetype: string; readonly filename: string; readonly file: File }
  | { readonly unreadable: string };

/**
 * Has the library take a File as it is, where it would make one of base64, and wait for `whenUploaded` of a file that it has
 * uploaded.
 */
export function letLibraryTakeFiles(): void {
  type Info = { readonly file?: File; readonly whenUploaded?: () => Promise<void> };
  const { mediaInfoToFile } = window.WWebJS;
  window.WWebJS.mediaInfoToFile = (info: Info) => info.file ?? mediaInfoToFile(info);
  for (const name of ['processMediaData', 'processStickerData']) {
    const upload = window.WWebJS[name];
    window.WWebJS[name] = async (info: Info, ...options: unknown[]) => {
      const media = await upload(info, ...options);
      await info.whenUploaded?.();
      return media;
    };
  }
}

/** An input for one file. It is not in the document, where the page's own code would see it. */
export function makeFileInput(): HTMLInputElement {
  return Object.assign(document.createElement('input'), { type: 'file' });
}

/** The file of an input, read whole: the page may come back to it when it is no longer on the disk. */
export async function takeFile(
  input: HTMLInputElement,
  { mimetype, filename }: { readonly mimetype: string; readonly filename: string },
): Promise<PageFile> {
  const [given] = input.files ?? [];
  if (given === undefined) throw new Error('The input has no file.');
  try {
    const bytes = await given.arrayBuffer();
    return { mimetype, filename, file: new File([bytes], filename, { type: mimetype }) };
  } catch (thrown) {
    return { unreadable: `The browser cannot read the file: ${(thrown as Error).message}` };
  }
}

/** A message's media. Its bytes stay in the page, and leave it in pieces. */
export type PageDownload =
  | { status: 'bytes'; bytes: Blob; mimetype: string | null; filename: string | null }
  | { status: 'gone' }
  | { status: 'later' };

/** What there is to say of a download before its bytes are read. */
export type PageDownloadHead =
  | { status: 'bytes'; size: number; mimetype: string | null; filename: string | null }
  | { status: 'gone' }
  | { status: 'later' };

/**
 * Fetches a message's media; `later` while the sender's phone uploads it again (fact A20), and where the page could not have
 * it for another reason than that it is missing: the network, or WhatsApp's server, may be better soon.
 */
export async function downloadMedia(key: PageKey): Promise<PageDownload> {
  // biome-ignore lint/suspicious/noExplicitAny: a model of the page has no types.
  const message = (await window.connectedSwitchboard().find(key)) as any;
  if (!message || message.type === 'revoked') return { status: 'gone' };
  if (!message.mediaData || message.mediaData.mediaStage === 'REUPLOADING') return { status: 'later' };
  if (message.mediaData.mediaStage !== 'RESOLVED') {
    await message.downloadMedia({ downloadEvenIfExpensive: true, rmrReason: 1 });
  }
  const stage = String(message.mediaData.mediaStage);
  if (stage === 'ERROR_MISSING') return { status: 'gone' };
  if (stage === 'REUPLOADING' || stage === 'FETCHING' || stage.includes('ERROR')) return { status: 'later' };
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
      bytes: new Blob([bytes]),
      mimetype: message.mimetype ?? null,
      filename: message.filename ?? null,
    };
  } catch (thrown) {
    if ((thrown as { status?: number } | undefined)?.status === 404) return { status: 'gone' };
    throw thrown;
  }
}

/** All of a download but its bytes. */
export function describeDownload(download: PageDownload): PageDownloadHead {
  if (download.status !== 'bytes') return download;
  const { status, bytes, mimetype, filename } = download;
  return { status, size: bytes.size, mimetype, filename };
}

/** Bytes `from` to `to` of a download, in base64. */
export async function readDownload(download: PageDownload, from: number, to: number): Promise<string> {
  if (download.status !== 'bytes') throw new Error('The download has no bytes.');
  return await window.WWebJS.arrayBufferToBase64Async(download.bytes.slice(from, to));
}
