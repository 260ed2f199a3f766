import { type ClusterMessage, MessageType } from 'socket.io-adapter';
import { isAppError } from '../lib/errors.ts';
import type { KeyRing } from '../vault/key-ring.ts';

/** A packet of Socket.IO, as far as it is looked at. */
export interface Packet {
  readonly type: number;
  readonly data: unknown[];
  readonly id?: number;
}

/** What an entry of the stream says: the `n`th of its daemon's. Redis may be asked twice for one whose answer was lost. */
export type Numbered = ClusterMessage & { readonly n: number };

/** Says that the clients of that daemon were told so many times past the stream, or not at all, before this. */
export interface GapMark {
  readonly uid: string;
  readonly gap: number;
  /** How often among these the clients of other daemons may have missed something; none for a daemon that does not say. */
  readonly lost?: number;
}

export type Entry = Numbered | GapMark;

/** Writes entries for the stream. Those with a code that opens an account are sealed: Redis keeps them longer than they live. */
export interface EntryCodec {
  toText(entry: Entry): string;
  /** Undefined for one that no key at hand opens: it is told by daemons that have the key. */
  parse(text: string): Entry | undefined;
}

/** Events that hold a code to scan or to type. */
const SECRETS = new Set<unknown>(['account:qr', 'account:pairing-code']);
/** Of a text that is no JSON. */
const SEALED = 'sealed:';
const NAME = 'realtime event';

export function makeEntryCodec(keyRing: Pick<KeyRing, 'sealSecret' | 'openSecret'>): EntryCodec {
  return {
    toText(entry) {
      const text = JSON.stringify(entry);
      if (!isSecret(entry)) return text;
      return SEALED + keyRing.sealSecret(NAME, Buffer.from(text)).toString('base64');
    },
    parse(text) {
      if (!text.startsWith(SEALED)) return JSON.parse(text);
      const sealed = Buffer.from(text.slice(SEALED.length), 'base64');
      try {
        return JSON.parse(keyRing.openSecret(NAME, sealed).toString('utf8'));
      } catch (thrown) {
        if (isAppError(thrown, 'VAULT_KEY_MISSING') || isAppError(thrown, 'VAULT_DAMAGED')) return undefined;
        throw thrown;
      }
    },
  };
}

function isSecret(entry: Entry): boolean {
  if ('gap' in entry || entry.type !== MessageType.BROADCAST) return false;
  return SECRETS.has((entry.data.packet as Packet).data[0]);
}
