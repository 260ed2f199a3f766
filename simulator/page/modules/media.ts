import { downloadBytes, hashOf, toBase64, uploadBytes } from '../media.ts';
import { defineModules } from '../registry.ts';

/** Bytes on their way through the page, as WhatsApp wraps them. */
class OpaqueData {
  readonly #blob: Blob;
  #url: string | undefined;

  private constructor(blob: Blob) {
    this.#blob = blob;
  }

  static async createFromData(data: Blob | OpaqueData, type: string): Promise<OpaqueData> {
    if (data instanceof OpaqueData) return data;
    return new OpaqueData(data.type === type ? data : new Blob([data], { type }));
  }

  get type(): string {
    return this.#blob.type;
  }
  get size(): number {
    return this.#blob.size;
  }
  formData(): Blob {
    return this.#blob;
  }
  url(): string {
    this.#url ??= URL.createObjectURL(this.#blob);
    return this.#url;
  }
  autorelease(): void {
    if (this.#url !== undefined) setTimeout(() => URL.revokeObjectURL(this.#url ?? ''), 60_000);
  }
}

type PrepParams = { asSticker?: boolean; asGif?: boolean; isPtt?: boolean; asDocument?: boolean };

/** The description of a file to be sent. Everything the library sets on it becomes part of the message. */
class MediaData {
  type = 'document';
  mimetype = '';
  size = 0;
  filehash = '';
  isGif = false;
  filename: string | undefined = undefined;
  preview: string | undefined = undefined;
  mediaStage = 'PREPARED';
  mediaBlob: OpaqueData | undefined = undefined;
  renderableUrl: string | undefined = undefined;

  set(values: Record<string, unknown>): void {
    Object.assign(this, values);
  }

  toJSON(): Record<string, unknown> {
    const { mediaBlob, ...plain } = this;
    return plain;
  }
}

/** What is known of a file by its hash, shared by everything that sends it. */
class MediaObject {
  readonly filehash: string;
  readonly contentInfo: { waveform?: Uint8Array } = {};
  type = 'document';
  size = 0;
  mediaStage = 'PREPARED';

  constructor(filehash: string) {
    this.filehash = filehash;
  }

  consolidate(values: Record<string, unknown>): void {
    if (typeof values.type === 'string') this.type = values.type;
    if (typeof values.size === 'number') this.size = values.size;
  }
}

const mediaObjects = new Map<string, MediaObject>();
const blobs = new Map<string, Blob>();

function typeOf(mimetype: string, params: PrepParams): string {
  if (params.asSticker) return 'sticker';
  if (params.asDocument) return 'document';
  if (mimetype.startsWith('image/')) return 'image';
  if (mimetype.startsWith('video/')) return 'video';
  if (mimetype.startsWith('audio/')) return params.isPtt ? 'ptt' : 'audio';
  return 'document';
}

async function prepare(data: OpaqueData, params: PrepParams): Promise<MediaData> {
  const file = data.formData();
  const media = new MediaData();
  const filehash = await hashOf(file);
  media.set({
    type: typeOf(data.type, params),
    mimetype: data.type,
    size: data.size,
    filehash,
    isGif: params.asGif === true,
    mediaBlob: data,
  });
  if (file instanceof File && media.type === 'document') media.filename = file.name;
  blobs.set(filehash, file);
  return media;
}

function newMediaKey(): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(32)));
}

async function uploadMedia({ mediaObject }: { mediaObject: MediaObject }): Promise<{ mediaEntry: object }> {
  const blob = blobs.get(mediaObject.filehash);
  if (!blob) throw new Error('media-fault: nothing to upload');
  const upload = await uploadBytes(blob, mediaObject.filehash, newMediaKey());
  const mediaEntry = {
    ...upload,
    mmsUrl: upload.url,
    deprecatedMms3Url: upload.url,
    uploadHash: upload.encFilehash,
    sidecar: undefined,
    firstFrameSidecar: undefined,
    handle: undefined,
  };
  return { mediaEntry };
}

async function toWebpSticker(file: Blob): Promise<Blob> {
  const image = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(512, 512);
  const scale = 512 / Math.max(image.width, image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  canvas.getContext('2d')?.drawImage(image, (512 - width) / 2, (512 - height) / 2, width, height);
  return canvas.convertToBlob({ type: 'image/webp' });
}

/** The modules by which the library prepares, uploads and downloads media. */
export function defineMediaModules(): void {
  defineModules({
    WAWebMediaOpaqueData: OpaqueData,
    WAWebPrepRawMedia: {
      prepRawMedia: (data: OpaqueData, params: PrepParams) => ({ waitForPrep: () => prepare(data, params) }),
    },
    WAWebMediaStorage: {
      getOrCreateMediaObject: (filehash: string) => {
        const known = mediaObjects.get(filehash) ?? new MediaObject(filehash);
        mediaObjects.set(filehash, known);
        return known;
      },
    },
    WAWebMmsMediaTypes: {
      msgToMediaType: ({ type, isGif }: { type: string; isGif: boolean }) => (isGif ? 'gif' : type),
      castToV4: (type: string) => type,
    },
    WAWebMediaDataUtils: { shouldUseMediaCache: () => true },
    WAWebMediaInMemoryBlobCache: {
      InMemoryMediaBlobCache: {
        put: (hash: string, blob: Blob) => void blobs.set(hash, blob),
        get: (hash: string) => blobs.get(hash),
      },
    },
    WAWebMediaMmsV4Upload: { uploadMedia, uploadUnencryptedMedia: uploadMedia },
    WAWebUploadManager: {
      encryptAndUpload: async ({ blob, mediaKey }: { blob: Blob; mediaKey: string }) =>
        uploadBytes(blob, await hashOf(blob), mediaKey),
    },
    WAWebStartMediaUploadQpl: { startMediaUploadQpl: () => ({}) },
    WAWebImageUtils: { toWebpSticker },
    WAWebDownloadManager: {
      downloadManager: {
        downloadAndMaybeDecrypt: async ({ directPath }: { directPath: string }) =>
          (await downloadBytes(directPath)).arrayBuffer(),
      },
    },
  });
}
