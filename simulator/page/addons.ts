import type { Envelope } from '../protocol.ts';
import { userWid } from './addresses.ts';
import { Collection, keyOf, Model, type Values } from './model.ts';
import { type MsgModel, msgs } from './models.ts';
import { MsgKey } from './msg-key.ts';
import type { ReactionRecord } from './store.ts';

/** Where reactions and votes pass through; the library hooks both functions to hear of them. */
export const reactions = {
  reactionTableMode: { bulkUpsert: (_rows: readonly Values[]) => Promise.resolve() },
};
export const pollVotes = {
  pollVoteTableMode: { bulkUpsert: (_rows: readonly Values[]) => Promise.resolve() },
};

export function toReactionEvent(target: MsgModel, envelope: Extract<Envelope, { kind: 'reaction' }>): Values {
  return reactionValues(target, {
    id: envelope.id,
    from: envelope.from.pn,
    emoji: envelope.emoji,
    t: envelope.t,
  });
}

function reactionValues(target: MsgModel, reaction: ReactionRecord): Values {
  const author = userWid(reaction.from);
  return {
    id: addonKey(target, reaction.id, reaction.from),
    reactionParentKey: target.key(),
    msgKey: addonKey(target, reaction.id, reaction.from),
    parentMsgKey: target.key(),
    author,
    from: author,
    senderUserJid: author._serialized,
    reactionText: reaction.emoji,
    reactionTimestamp: reaction.t * 1000,
    timestamp: reaction.t * 1000,
    orphan: 0,
    orphanReason: null,
    read: false,
    ack: 1,
  };
}

export function toVoteEvent(poll: MsgModel, envelope: Extract<Envelope, { kind: 'vote' }>): Values {
  const author = userWid(envelope.from.pn);
  const vote: Values = {
    id: addonKey(poll, envelope.id, envelope.from.pn),
    pollUpdateParentKey: poll.key(),
    author,
    from: author,
    selectedOptionLocalIds: [...envelope.options],
    t: envelope.t * 1000,
    senderTimestampMs: envelope.t * 1000,
  };
  rememberVote(vote);
  return vote;
}

/** All votes the page has heard of since it loaded; a voter's later vote takes the place of the earlier. */
const votes = new Map<string, Values>();

function rememberVote(vote: Values): void {
  votes.set(`${keyOf(vote.pollUpdateParentKey)} ${keyOf(vote.author)}`, vote);
}

/** The table in which the library looks votes up by the serialized key of their poll. */
export const voteTable = {
  equals: async (_columns: readonly string[], poll: string): Promise<Values[]> => {
    const found = [...votes.values()].filter((vote) => keyOf(vote.pollUpdateParentKey) === poll);
    return found.map((vote) => ({ ...vote, parentMsgKey: vote.pollUpdateParentKey, sender: vote.author }));
  },
};

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
    const sender = target ? reactionValues(target, reaction) : {};
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
