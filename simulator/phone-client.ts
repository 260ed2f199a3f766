import type { PhoneView } from './control-actions.ts';
import type { Control } from './control-client.ts';
import type { Bodies } from './control-schema.ts';
import type { GroupInfo, LimitsView } from './protocol.ts';

export type Content = Bodies['message']['content'];
type Media = NonNullable<Content['media']>;
/** `data`: bytes, or base64; `file`: the path of a file that was uploaded before. */
export type MediaInput = Omit<Media, 'data'> & { readonly data?: Buffer | string };
export type SendExtras = Pick<Content, 'quoted' | 'mentions' | 'forwarded'> & {
  readonly id?: string;
  readonly t?: number;
};
export type PhoneOptions = Omit<Bodies['phone'], 'name'>;
export type PageAction = Bodies['action'];

/** Whoever can be written to: a phone, a group, or either's name. */
export type Target = string | Phone | GroupInfo;

/** What the control API calls them. */
export function nameOf(target: Target): string {
  if (typeof target === 'string') return target;
  return target instanceof Phone ? target.name : target.id;
}

/** A phone of the world, in a test's hand. */
export class Phone {
  readonly name: string;
  readonly number: string;
  readonly lid: string;
  readonly #control: Control;

  constructor(control: Control, view: PhoneView) {
    this.#control = control;
    this.name = view.name;
    this.number = view.number;
    this.lid = view.lid;
  }

  /** Its address as the library writes it. */
  get jid(): string {
    return `${this.number}@c.us`;
  }

  view(): Promise<PhoneView> {
    return this.#call('GET', '');
  }
  change(options: Omit<PhoneOptions, 'number'>): Promise<PhoneView> {
    return this.#call('PATCH', '', options);
  }

  /** Scans the QR that a page shows. `linked` is false while a passkey is demanded. */
  scan(qr: string): Promise<{ linked: boolean }> {
    return this.#call('POST', '/scan', { qr });
  }
  enterCode(code: string): Promise<{ linked: boolean }> {
    return this.#call('POST', '/code', { code });
  }
  answerPasskey(approve: boolean): Promise<{ linked: boolean }> {
    return this.#call('POST', '/passkey', { approve });
  }
  /** Unlinks its devices. With `navigate: false` their pages only go to UNPAIRED. */
  logoutDevice(options: { navigate?: boolean } = {}): Promise<{ unlinked: number }> {
    return this.#call('POST', '/logout', options);
  }

  send(to: Target, text: string, extras: SendExtras = {}): Promise<{ id: string; carried: boolean }> {
    return this.sendContent(to, { text }, extras);
  }
  sendMedia(
    to: Target,
    media: MediaInput,
    extras: SendExtras = {},
  ): Promise<{ id: string; carried: boolean }> {
    const { data, ...rest } = media;
    const text = typeof data === 'string' ? data : data?.toString('base64');
    return this.sendContent(to, { media: { ...rest, data: text } }, extras);
  }
  sendLocation(to: Target, location: NonNullable<Content['location']>, extras: SendExtras = {}) {
    return this.sendContent(to, { location }, extras);
  }
  sendContacts(to: Target, contacts: NonNullable<Content['contacts']>, extras: SendExtras = {}) {
    return this.sendContent(to, { contacts }, extras);
  }
  sendPoll(to: Target, poll: NonNullable<Content['poll']>, extras: SendExtras = {}) {
    return this.sendContent(to, { poll }, extras);
  }
  /** Whatever a phone can send. `carried` is false if the network knew the id already. */
  sendContent(
    to: Target,
    content: Content,
    extras: SendExtras = {},
  ): Promise<{ id: string; carried: boolean }> {
    const { id, t, ...rest } = extras;
    return this.#call('POST', '/messages', { to: nameOf(to), id, t, content: { ...content, ...rest } });
  }

  edit(id: string, text: string): Promise<{ id: string }> {
    return this.#call('POST', '/edits', { id, text });
  }
  revoke(id: string): Promise<{ id: string }> {
    return this.#call('POST', '/revokes', { id });
  }
  /** An empty emoji takes the reaction back. */
  react(target: string, emoji: string): Promise<{ id: string }> {
    return this.#call('POST', '/reactions', { target, emoji });
  }
  vote(target: string, options: readonly string[]): Promise<{ id: string }> {
    return this.#call('POST', '/votes', { target, options });
  }
  /** Reads everything in its chat with the other phone, or in the group. */
  read(chat: Target): Promise<{ read: number }> {
    return this.#call('POST', '/reads', { chat: nameOf(chat) });
  }
  play(id: string): Promise<{ id: string }> {
    return this.#call('POST', '/plays', { id });
  }

  /** Writes a name into its address book; null strikes it out. */
  saveContact(of: Phone | string, name: string | null): Promise<PhoneView> {
    return this.#call('PUT', '/contacts', { of: nameOf(of), name });
  }
  /** What WhatsApp limits for the account from now on; null lifts it. */
  limit(change: Bodies['limits']): Promise<LimitsView> {
    return this.#call('PATCH', '/limits', change);
  }

  /** Does something to the pages of its devices. */
  page(action: PageAction): Promise<{ pages: number }> {
    return this.#control.call('POST', '/pages', { ...action, phone: this.name });
  }

  #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.#control.call(method, `/phones/${encodeURIComponent(this.name)}${path}`, body);
  }
}
