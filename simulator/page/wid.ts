/** An address: of a user by number (`c.us`) or by LID (`lid`), of a group (`g.us`). It crosses the DevTools protocol by its own fields. */
export class Wid {
  readonly server: string;
  readonly user: string;
  readonly _serialized: string;

  constructor(user: string, server: string) {
    this.server = server;
    this.user = user;
    this._serialized = `${user}@${server}`;
  }

  isUser(): boolean {
    return this.server === 'c.us' || this.server === 'lid';
  }
  isRegularUser(): boolean {
    return this.isUser();
  }
  isLid(): boolean {
    return this.server === 'lid';
  }
  isGroup(): boolean {
    return this.server === 'g.us';
  }
  isStatus(): boolean {
    return this._serialized === 'status@broadcast';
  }
  isBroadcast(): boolean {
    return this.server === 'broadcast';
  }
  isNewsletter(): boolean {
    return this.server === 'newsletter';
  }
  isBot(): boolean {
    return this.server === 'bot';
  }
  isServer(): boolean {
    return this._serialized === 'server@c.us';
  }
  isPSA(): boolean {
    return this._serialized === '0@c.us';
  }
  equals(other: unknown): boolean {
    return other instanceof Wid && other._serialized === this._serialized;
  }
  toJid(): string {
    return this.server === 'c.us' ? `${this.user}@s.whatsapp.net` : this._serialized;
  }
  toString(): string {
    return this._serialized;
  }
}

/** Reads `user@server`, an address object, or anything that carries one; throws on what is none. */
export function createWid(input: unknown): Wid {
  if (input instanceof Wid) return input;
  const like = input as { _serialized?: unknown; user?: unknown; server?: unknown } | null | undefined;
  const text = typeof input === 'string' ? input : like?._serialized;
  if (typeof text === 'string') {
    const match = /^([^@\s]+)@([a-z.]+)$/.exec(text);
    const [, user, server] = match ?? [];
    if (!user || !server) throw new Error(`wid error: invalid wid ${text}`);
    return new Wid(user.replace(/:\d+$/, ''), server === 's.whatsapp.net' ? 'c.us' : server);
  }
  if (typeof like?.user === 'string' && typeof like.server === 'string')
    return new Wid(like.user, like.server);
  throw new Error('wid error: not a wid');
}
