import type { Attributes, ChatRef, Json, WireMessage } from '../protocol.ts';
import { chatKey } from '../protocol.ts';
import { chatRef, chatWid, findPeer, findPn, getMe, userWid } from './addresses.ts';
import { MediaState } from './media.ts';
import type { Values } from './model.ts';
import { MsgModel } from './models.ts';
import { MsgKey } from './msg-key.ts';
import type { MessageRecord } from './store.ts';

/** Attributes that are stored and sent as they are; everything else a caller passes stays in the page. */
const CARRIED = [
  ...['type', 'subtype', 'kind', 'body', 'caption', 'title', 'footer', 'isForwarded', 'forwardingScore'],
  ...[
    'mimetype',
    'filename',
    'size',
    'filehash',
    'encFilehash',
    'uploadhash',
    'mediaKey',
    'mediaKeyTimestamp',
  ],
  ...['directPath', 'clientUrl', 'deprecatedMms3Url', 'isGif', 'isViewOnce', 'duration', 'width', 'height'],
  ...['loc', 'lat', 'lng', 'vcardFormattedName', 'vcardList', 'pollName', 'pollOptions'],
  ...['pollSelectableOptionsCount', 'isCaptionByUser', 'recipients', 'eventName', 'eventDescription'],
  ...['eventStartTime', 'eventEndTime', 'eventLocation', 'latestEditSenderTimestampMs', 'isAnimated'],
] as const;

let lastOrder = 0;

/** A number that grows with every message, also from one page load to the next. */
export function nextOrder(): number {
  lastOrder = Math.max(lastOrder + 1, Date.now() * 1000);
  return lastOrder;
}

export function recordKey(chat: ChatRef, fromMe: boolean, id: string): string {
  return `${chatKey(chat)}|${fromMe ? 'out' : 'in'}|${id}`;
}

export function messageToRecord(message: WireMessage, chat: ChatRef, ack: number): MessageRecord {
  const fromMe = message.from === getMe()?.pn;
  return {
    key: recordKey(chat, fromMe, message.id),
    id: message.id,
    chat: chatKey(chat),
    fromMe,
    author: message.from,
    t: message.t,
    n: nextOrder(),
    ack,
    attrs: message.attrs,
    reactions: [],
  };
}

export function recordChat(record: MessageRecord): ChatRef {
  const address = record.chat.slice(2);
  return record.chat.startsWith('u:') ? { user: address } : { group: address };
}

export function recordToKey(record: MessageRecord): MsgKey {
  const chat = recordChat(record);
  return new MsgKey({
    fromMe: record.fromMe,
    remote: chatWid(chat),
    id: record.id,
    participant: 'group' in chat ? userWid(record.author) : undefined,
  });
}

export function recordToModel(record: MessageRecord, isNewMsg: boolean): MsgModel {
  const chat = recordChat(record);
  const remote = chatWid(chat);
  const author = userWid(record.author);
  const own = userWid(getMe()?.pn ?? '');
  const model = new MsgModel({
    viewMode: 'VISIBLE',
    star: false,
    isForwarded: false,
    id: recordToKey(record),
    from: record.fromMe ? own : remote,
    to: record.fromMe ? remote : own,
    author: 'group' in chat ? author : undefined,
    self: record.fromMe ? 'out' : 'in',
    t: record.t,
    ack: record.ack,
    notifyName: record.fromMe ? undefined : findPeer(record.author)?.pushname,
    invis: false,
    isNewMsg,
    hasReaction: record.hasReaction ?? false,
  });
  model.record = record;
  fillModel(model, record.attrs, { silent: true });
  return model;
}

/** Gives a message's model what its author wrote. */
export function fillModel(model: MsgModel, attrs: Attributes, options: { silent?: boolean } = {}): void {
  if (typeof attrs.directPath === 'string') {
    model.mediaData = new MediaState(attrs);
    model.mediaObject = model.mediaData;
  }
  // The type first: who waits for it hears of the message before its other changes.
  model.set({ type: attrs.type, ...attrsToValues(attrs) }, options);
}

/** What of a message the library composed is carried by the network. */
export function valuesToAttrs(values: Values): Attributes {
  const attrs: Attributes = {};
  for (const name of CARRIED) {
    if (values[name] !== undefined && values[name] !== null) attrs[name] = toJson(values[name]);
  }
  const mentions = Array.isArray(values.mentionedJidList) ? values.mentionedJidList : [];
  if (mentions.length > 0) attrs.mentions = mentions.flatMap((wid) => findPn(wid) ?? []);
  if (values.messageSecret instanceof Uint8Array) attrs.secret = [...values.messageSecret];
  if (values.waveform instanceof Uint8Array) attrs.waveform = [...values.waveform];
  if (typeof values.quotedStanzaID === 'string') {
    attrs.quoted = {
      id: values.quotedStanzaID,
      from: findPn(values.quotedParticipant) ?? null,
      ...(toJson(values.quotedMsg ?? {}) as Attributes),
    };
  }
  if (attrs.pollOptions && Array.isArray(attrs.pollOptions)) {
    attrs.pollOptions = attrs.pollOptions.map((option, localId) => ({ localId, ...(option as Attributes) }));
  }
  return attrs;
}

function attrsToValues(attrs: Attributes): Values {
  const { mentions, quoted, secret, waveform, recipients, ...plain } = attrs;
  const values: Values = { ...plain };
  values.mentionedJidList = Array.isArray(mentions) ? mentions.map((pn) => userWid(String(pn))) : [];
  if (Array.isArray(recipients)) values.recipients = recipients.map((pn) => userWid(String(pn))._serialized);
  if (Array.isArray(secret)) values.messageSecret = new Uint8Array(secret as number[]);
  if (Array.isArray(waveform)) values.waveform = new Uint8Array(waveform as number[]);
  if (quoted && typeof quoted === 'object' && !Array.isArray(quoted)) {
    const { id, from, ...message } = quoted;
    values.quotedMsg = message;
    values.quotedStanzaID = id;
    if (typeof from === 'string') values.quotedParticipant = userWid(from);
  }
  return values;
}

/** The quoted message as a model of its own; it may be one that this page never saw. */
export function quotedModel(msg: MsgModel): MsgModel | undefined {
  const stanza = msg.get('quotedStanzaID');
  const quoted = msg.get('quotedMsg');
  if (typeof stanza !== 'string' || typeof quoted !== 'object' || quoted === null) return undefined;
  const ref = chatRef(msg.key().remote);
  const author = findPn(msg.get('quotedParticipant') ?? msg.get('from')) ?? '';
  const message: WireMessage = {
    id: stanza,
    from: author,
    to: ref,
    t: Number(msg.get('t')),
    attrs: quoted as Attributes,
  };
  return recordToModel(messageToRecord(message, ref, 0), false);
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
