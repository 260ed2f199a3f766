import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import { toStorable } from './storable-text.ts';

/** A file that was handed in to be sent later. */
export interface MediaUpload {
  /** UUID; the `mediaId` of the API. */
  readonly id: string;
  readonly accountId: AccountId;
  readonly sha256: string;
  readonly mimeType: string;
  readonly fileName: string | null;
  /** Bytes. */
  readonly fileSize: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export async function insertMediaUpload(db: Executor, upload: MediaUpload): Promise<void> {
  await db
    .insertInto('media_uploads')
    .values({
      id: upload.id,
      account_id: upload.accountId,
      sha256: upload.sha256,
      mime_type: upload.mimeType,
      file_name: toStorable(upload.fileName),
      file_size: upload.fileSize,
    })
    .execute();
}

/** An upload of this account; undefined for another account's, and for what is no UUID. */
export async function findMediaUpload(
  db: Executor,
  accountId: AccountId,
  mediaId: string,
): Promise<MediaUpload | undefined> {
  if (!UUID.test(mediaId)) return undefined;
  const row = await db
    .selectFrom('media_uploads')
    .selectAll()
    .where('id', '=', mediaId)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return (
    row && {
      id: row.id,
      accountId,
      sha256: row.sha256,
      mimeType: row.mime_type,
      fileName: row.file_name,
      fileSize: row.file_size,
    }
  );
}
