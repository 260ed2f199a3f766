import type { Envelope } from '../protocol.ts';
import { userWid } from './addresses.ts';
import { Collection, keyOf, Model, type Values } from './model.ts';
import { type MsgModel, msgs } from './models.ts';
import { MsgKey } from './msg-key.ts';
import type { MessageRecord, ReactionRecord, VoteRecord } from './store.ts';

type ReactionEnvelope = Extract<Envelope, { kind: 'reaction' }>;
type VoteEnvelope = Extract<Envelope, { kind: 'vote' }>;

/** Where reactions and votes pass through; the library hooks both functions to hear of them. */
export const reactions = {
  reactionTableMode: { bulkUpsert: (_rows: readonly Values[]) => Promise.resolve() },
};
export const pollVotes = {
  pollVoteTableMode: { bulkUpsert: (_rows: readonly Values[]) => Promise.resolve() },
};

/** Writes the reaction into the record of its message: the last of each person. */
export function keepReaction(record: MessageRecord, { id, from, emoji, t }: ReactionEnvelope): void {
  record.reactions = record.reactions.filter((each) => each.from !== from.pn);
  if (emoji !== '') record.reactions.push({ id, from: from.pn, emoji, t });
}

/**
 * Marks a message as reacted to, as WhatsApp does: only one that lies in memory, and a reaction that is taken back leaves
 * the mark. True if it was not marked before.
 */
export function markReacted(model: MsgModel, { emoji }: ReactionEnvelope): boolean {
  const { record } = model;
  if (emoji === '' || !record || record.hasReaction || msgs.get(model.key()) !== model) return false;
  record.hasReaction = true;
  model.set({ hasReaction: true });
  return true;
}

/** The row of a reaction on its way into the table: its time is that of its sender, in milliseconds. */
export function toReactionEvent(target: MsgModel, { id, from, emoji, t }: ReactionEnvelope): Values {
  const author = userWid(from.pn);
  return {
    id: addonKey(target, id, from.pn),
    type: 'reaction',
    kind: 'reactionDecrypted',
    reactionParentKey: target.key(),
    author,
    from: author,
    reactionText: emoji,
    reactionTimestamp: t * 1000,
    t,
    read: false,
    ack: 1,
  };
}

/** A sender in the list of a message's reactions: keys and addresses as text, one time, in milliseconds. */
function toSender(target: MsgModel, { id, from, emoji, t }: ReactionRecord): Values {
  const key = addonKey(target, id, from);
  return {
    id: key,
    msgKey: String(key),
    parentMsgKey: String(target.key()),
    senderUserJid: userWid(from)._serialized,
    reactionText: emoji,
    timestamp: t * 1000,
    orphan: 0,
    orphanReason: null,
    read: false,
    ack: 1,
  };
}

/** Writes the vote into the record of its poll: the last of each voter. */
export function keepVote(record: MessageRecord, { id, from, options, t }: VoteEnvelope): void {
  const others = (record.votes ?? []).filter((each) => each.from !== from.pn);
  record.votes = [...others, { id, from: from.pn, options: [...options], t }];
}

export function toVoteEvent(poll: MsgModel, { id, from, options, t }: VoteEnvelope): Values {
  const author = userWid(from.pn);
  return {
    id: addonKey(poll, id, from.pn),
    pollUpdateParentKey: poll.key(),
    author,
    from: author,
    selectedOptionLocalIds: [...options],
    t: t * 1000,
    senderTimestampMs: t * 1000,
  };
}

/** The table in which the library looks votes up by the serialized key of their poll. */
export const voteTable = {
  equals: async (_columns: readonly string[], key: string): Promise<Values[]> => {
    const poll = msgs.get(key);
    return poll ? (poll.record?.votes ?? []).map((vote) => toVoteRow(poll, vote)) : [];
  },
};

/** A vote as it is stored: keys and addresses as text, the options as the bytes of a buffer. */
function toVoteRow(poll: MsgModel, { id, from, options, t }: VoteRecord): Values {
  return {
    msgKey: String(addonKey(poll, id, from)),
    parentMsgKey: String(poll.key()),
    selectedOptionLocalIds: new Uint8Array(options).buffer,
    senderTimestampMs: t * 1000,
    sender: userWid(from)._serialized,
    read: false,
    t,
    ack: 1,
  };
}

function addonKey(target: MsgModel, id: string, from: string): MsgKey {
  const remote = target.key().remote;
  const isMine = from === target.record?.author ? target.key().fromMe : !target.key().fromMe;
  return new MsgKey({
    id,
    remote,
    fromMe: remote.isGroup() ? false : isMine,
    participant: remote.isGroup() ? userWid(from) : undefined,
  });
}

/** The reactions to one message, grouped by emoji, as the library lists them. */
export function reactionsOf(id: unknown): { id: string; reactions: Collection<Model> } {
  const groups = new Collection(Model);
  const target = msgs.get(id);
  for (const reaction of target?.record?.reactions ?? []) {
    const group = groups.get(reaction.emoji);
    const sender = target ? toSender(target, reaction) : {};
    if (group) group.set({ senders: [...(group.get('senders') as Values[]), sender] });
    else {
      const values = {
        id: reaction.emoji,
        aggregateEmoji: reaction.emoji,
        hasReactionByMe: false,
        senders: [sender],
      };
      groups.add(new Model(values));
    }
  }
  return { id: keyOf(id), reactions: groups };
}
