import type { GroupInfo } from '../protocol.ts';
import type { MediaState } from './media.ts';
import { Collection, keyOf, Model, type Values } from './model.ts';
import { MsgKey } from './msg-key.ts';
import type { MessageRecord } from './store.ts';
import { createWid, type Wid } from './wid.ts';

/** A message in the page. `record` is what is stored of it. */
export class MsgModel extends Model {
  record: MessageRecord | undefined = undefined;
  mediaData: MediaState | undefined = undefined;
  mediaObject: MediaState | undefined = undefined;

  get isNotification(): boolean {
    return this.get('type') === 'gp2' || this.get('type') === 'e2e_notification';
  }
  get isEphemeral(): boolean {
    return false;
  }
  get isStatusV3(): boolean {
    return false;
  }
  get isMedia(): boolean {
    return this.mediaData !== undefined;
  }

  key(): MsgKey {
    return this.get('id') as MsgKey;
  }

  canReply(): boolean {
    return this.get('type') !== 'revoked';
  }

  /** What a reply carries of the message it answers. */
  msgContextInfo(): Values {
    const quoted: Values = {};
    for (const name of ['type', 'body', 'caption', 'mimetype', 'directPath', 'lat', 'lng', 'pollName']) {
      if (this.get(name) !== undefined) quoted[name] = this.get(name);
    }
    return {
      quotedMsg: quoted,
      quotedStanzaID: this.key().id,
      quotedParticipant: this.get('author') ?? this.get('from'),
    };
  }

  /** Fetches the bytes; the stage says how that ended. */
  async downloadMedia(): Promise<void> {
    await this.mediaData?.download();
  }

  updateAck(ack: number): void {
    this.set({ ack });
  }

  avParams(): Values {
    return { mediaType: this.get('type') };
  }
}

export class ParticipantModel extends Model {}

export class GroupMetadataModel extends Model {
  readonly participants = new Collection(ParticipantModel);

  override serialize(): Values {
    return { ...super.serialize(), participants: this.participants.serialize() };
  }

  /** Takes the group as the network knows it now. */
  take(group: GroupInfo, toWid: (pn: string) => Wid, isLid: boolean): void {
    this.participants.reset();
    for (const { pn, admin } of group.participants) {
      const isOwner = pn === group.owner;
      this.participants.add(
        new ParticipantModel({ id: toWid(pn), isAdmin: admin || isOwner, isSuperAdmin: isOwner }),
      );
    }
    this.set({
      subject: group.subject,
      owner: toWid(group.owner),
      creation: group.createdAt,
      announce: group.announce,
      size: group.participants.length,
      isLidAddressingMode: isLid,
    });
  }
}

export class ChatModel extends Model {
  readonly msgs = new Collection(MsgModel);
  groupMetadata: GroupMetadataModel | undefined = undefined;
  /** Writes the chat's own fields to the store; set by who made the model. */
  persist: () => void = () => undefined;
  readonly mute = {
    expiration: 0,
    mute: async ({ expiration }: { expiration: number }) => this.#mute(expiration),
    unmute: async () => this.#mute(0),
  };

  /** Whether the other side ever wrote; set by who made the model. */
  isHeard: () => boolean = () => false;

  /** The token of trust that a chat has once the other side has written; its bytes mean nothing here. */
  getTcToken(): Uint8Array | undefined {
    return this.isHeard() ? new Uint8Array(1) : undefined;
  }

  get formattedTitle(): string {
    return String(this.groupMetadata?.get('subject') ?? this.get('name') ?? this.wid().user);
  }
  get isGroup(): boolean {
    return this.wid().isGroup();
  }

  wid(): Wid {
    return this.get('id') as Wid;
  }

  override serialize(): Values {
    return { ...super.serialize(), msgs: this.msgs.map((msg) => msg.key()) };
  }

  /** The library hands chats through JSON; their messages must not ride along. */
  override toJSON(): Values {
    return super.serialize();
  }

  #mute(expiration: number): void {
    this.mute.expiration = expiration;
    this.set({ muteExpiration: expiration });
    this.persist();
  }
}

export class ContactModel extends Model {
  get formattedName(): string {
    return String(this.get('name') ?? this.get('pushname') ?? this.wid().user);
  }
  get isContactBlocked(): boolean {
    return false;
  }
  wid(): Wid {
    return this.get('id') as Wid;
  }
}

/** Finds what is there, or asks the given source for it. */
export class FindingCollection<M extends Model> extends Collection<M> {
  source: (id: Wid) => Promise<M> = async (id) => {
    throw new Error(`not found: ${keyOf(id)}`);
  };
  /** The library refreshes group metadata by this. */
  update: (id: Wid) => Promise<unknown> = async () => undefined;

  async find(id: unknown): Promise<M> {
    return this.get(id) ?? (await this.source(createWid(id)));
  }
}

type MessageSource = (keys: readonly MsgKey[]) => Promise<MsgModel[]>;

/** The page's messages; those that are only in the store are read by `getMessagesById`. */
export class MsgCollection extends Collection<MsgModel> {
  source: MessageSource = async () => [];
  searchSource: (text: string, page: number, count: number, chat: string | undefined) => Promise<MsgModel[]> =
    async () => [];

  async getMessagesById(ids: readonly unknown[]): Promise<{ messages: MsgModel[] }> {
    return { messages: await this.source(ids.map((id) => MsgKey.from(id))) };
  }

  async search(text: string, page = 1, count = 50, chat?: string): Promise<{ messages: MsgModel[] }> {
    return { messages: await this.searchSource(text, page, count, chat) };
  }
}

export const msgs = new MsgCollection(MsgModel);
export const chats = new FindingCollection(ChatModel);
export const contacts = new FindingCollection(ContactModel);
export const groupMetadata = new FindingCollection(GroupMetadataModel);
