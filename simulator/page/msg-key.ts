import { dialect } from './dialect.ts';
import { createWid, type Wid } from './wid.ts';

type KeyParts = {
  readonly id: string;
  readonly fromMe?: boolean;
  readonly selfDir?: 'in' | 'out';
  readonly remote?: unknown;
  readonly from?: unknown;
  readonly to?: unknown;
  readonly participant?: unknown;
};

/**
 * A message's key. Its serialized form is an own property whose name is the dialect's: `_serialized`, or `$1`
 * as WhatsApp Web calls it since mid-2026.
 */
export class MsgKey {
  readonly fromMe: boolean;
  readonly remote: Wid;
  readonly id: string;
  declare readonly participant?: Wid;
  declare readonly _serialized?: string;
  declare readonly $1?: string;

  constructor(parts: KeyParts) {
    this.fromMe = parts.fromMe ?? parts.selfDir === 'out';
    this.remote = createWid(parts.remote ?? (this.fromMe ? parts.to : parts.from));
    this.id = parts.id;
    if (parts.participant) this.participant = createWid(parts.participant);
    Object.defineProperty(this, dialect.ids, { value: this.toString(), enumerable: true });
  }

  toString(): string {
    const participant = this.participant ? `_${this.participant._serialized}` : '';
    return `${this.fromMe}_${this.remote._serialized}_${this.id}${participant}`;
  }

  equals(other: unknown): boolean {
    return other instanceof MsgKey && other.toString() === this.toString();
  }

  clone(): MsgKey {
    return new MsgKey(this);
  }

  /** An id as a web client makes them: 22 hex digits, of which the first four are fixed. */
  static async newId(): Promise<string> {
    return newBareId();
  }

  static from(input: unknown): MsgKey {
    return input instanceof MsgKey ? input : MsgKey.fromString(String(input));
  }

  static fromString(text: string): MsgKey {
    const [direction, remote, id, participant] = text.split('_');
    if ((direction !== 'true' && direction !== 'false') || !remote || !id) {
      throw new Error(`MsgKey error: invalid key ${text}`);
    }
    return new MsgKey({ fromMe: direction === 'true', remote, id, participant });
  }
}

export function newBareId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return `3EB0${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`.toUpperCase();
}
