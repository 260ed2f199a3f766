import { createHash } from 'node:crypto';
import type { ApiMessage, DaemonApi } from '../../scripts/daemon-api.ts';
import type { CarriedMessage } from '../../simulator/client.ts';

/** The bare id by which the network knows a stored message. */
export function bareIdOf(message: ApiMessage): string {
  return message.whatsappMessageId?.split('_')[2] ?? `none: ${message.messageId}`;
}

/** SHA-256 of the bytes that the API gives for the files of messages; each file is read once. */
export class FileHashes {
  readonly #api: Pick<DaemonApi, 'bytes'>;
  readonly #known = new Map<string, string>();

  constructor(api: Pick<DaemonApi, 'bytes'>) {
    this.#api = api;
  }

  /** Reads those that are there by now. */
  async read(messages: readonly ApiMessage[]): Promise<void> {
    for (const { messageId, mediaUrl } of messages) {
      if (mediaUrl === null || this.#known.has(messageId)) continue;
      const bytes = await this.#api.bytes(mediaUrl.replace('/api/v1/whatsapp', ''));
      this.#known.set(messageId, createHash('sha256').update(bytes).digest('base64'));
    }
  }

  /** In base64; null if the message has no file, or none yet. */
  of({ messageId }: ApiMessage): string | null {
    return this.#known.get(messageId) ?? null;
  }
}

/**
 * What there is to say of a message that the network carried, once everything that it told has been heard; of a deleted one
 * only that. `quotedAs`: how the API names the message of a bare id.
 */
export function describeCarried(
  carried: CarriedMessage,
  { own, quotedAs }: { readonly own: boolean; readonly quotedAs: (id: string) => string },
): string {
  const start = `${own ? 'outgoing' : 'incoming'} ${expectedStatus(carried, own)}`;
  if (carried.revoked) return `${start} a deleted one`;
  return describe(start, {
    text: carried.edits.at(-1) ?? carried.text,
    file: carried.mediaHash,
    answers: carried.quoted === null ? null : quotedAs(carried.quoted),
    reactions: Object.entries(carried.reactions).map(([number, emoji]) => `${number}@c.us ${emoji}`),
  });
}

/** The same of one that is stored. */
export function describeStored(message: ApiMessage, files: FileHashes): string {
  const start = `${message.direction} ${message.status}`;
  if (message.revokedAt !== null) return `${start} a deleted one`;
  return describe(start, {
    text: message.text ?? message.caption ?? '',
    file: files.of(message),
    answers: message.replyTo,
    reactions: message.reactions.map(({ senderId, emoji }) => `${senderId} ${emoji}`),
  });
}

interface Said {
  readonly text: string;
  readonly file: string | null;
  readonly answers: string | null;
  readonly reactions: readonly string[];
}

function describe(start: string, { text, file, answers, reactions }: Said): string {
  const parts = [
    `${start} ${text}`,
    ...(file === null ? [] : [`the file ${file}`]),
    ...(answers === null ? [] : [`in answer to ${answers}`]),
    ...reactions.toSorted(),
  ];
  return parts.join(', ');
}

function expectedStatus(carried: CarriedMessage, own: boolean): string {
  if (!own) return 'delivered';
  if (carried.ack < 0) return 'failed';
  return ['pending', 'sent', 'delivered', 'read', 'played'][carried.ack] ?? 'pending';
}
