import { type ClusterMessage, MessageType } from 'socket.io-adapter';
import { LastNumbers } from './last-numbers.ts';
import type { Entry, Packet } from './realtime-entry.ts';

type Broadcast = Extract<ClusterMessage, { type: MessageType.BROADCAST }>;

/** For whom a broadcast is, as it lies in the stream. */
export type PlainOptions = Broadcast['data']['opts'];

/** An entry as it was read; without a message where no key at hand opens it. */
export interface ReadEntry {
  readonly id: string;
  readonly message: Entry | undefined;
}

/** An event of the stream as a client gets it afterwards: with its offset, and for whom it was. */
export interface MissedPacket {
  readonly data: readonly unknown[];
  readonly opts: PlainOptions;
}

/** What was told by these entries; undefined if something else was told between them. */
export function toMissed(entries: readonly ReadEntry[]): readonly MissedPacket[] | undefined {
  const seen = new LastNumbers(Number.POSITIVE_INFINITY);
  const missed: MissedPacket[] = [];
  for (const { id, message } of entries) {
    if (message === undefined) continue;
    if ('gap' in message) return undefined;
    if (!seen.isNew(message.uid, message.n)) continue;
    if (message.type !== MessageType.BROADCAST) continue;
    const { opts, packet } = message.data;
    missed.push({ data: [...(packet as Packet).data, id], opts });
  }
  return missed;
}
