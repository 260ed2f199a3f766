import type {
  PageGlimpse,
  PageMessage,
  PageModel,
  PageReaction,
  PageVote,
  ReactionForm,
} from './page-model.ts';

/**
 * Runs in the page after the bridge, before any script of its own, and lets it pick what crosses into Node out of the page's
 * models, field by field, whatever dialect they speak; and make the key of a message as the library makes it.
 */
export function installPicking(): void {
  const { switchboard } = window;
  if (!switchboard) return;

  /** Fields that are taken as they are. */
  const PICKED = [
    'type',
    't',
    'ack',
    'caption',
    'notifyName',
    'mimetype',
    'filename',
    'size',
    'lat',
    'lng',
    'loc',
    'clientUrl',
    'vcardFormattedName',
    'pollName',
    'pollSelectableOptionsCount',
    'quotedStanzaID',
    'mentionedJidList',
    'isForwarded',
    'latestEditSenderTimestampMs',
  ];

  function addressOf(wid: unknown): string | undefined {
    if (typeof wid === 'string') return wid;
    const parts = wid as
      | { _serialized?: unknown; $1?: unknown; user?: unknown; server?: unknown }
      | null
      | undefined;
    const text = parts?._serialized ?? parts?.$1;
    if (typeof text === 'string') return text;
    const hasParts = typeof parts?.user === 'string' && typeof parts.server === 'string';
    return hasParts ? `${parts.user}@${parts.server}` : undefined;
  }

  function phoneOf(wid: unknown): string | undefined {
    const text = addressOf(wid);
    if (text === undefined || !text.endsWith('@lid')) return text;
    const ways = [
      (lid: unknown) => window.require('WAWebLidMigrationUtils').toPn(lid),
      (lid: unknown) => window.require('WAWebApiContact').getPhoneNumber(lid),
    ];
    for (const way of ways) {
      try {
        const phone = addressOf(way(window.require('WAWebWidFactory').createWid(text)));
        if (phone !== undefined && !phone.endsWith('@lid')) return phone;
      } catch {
        // Not every page has both ways.
      }
    }
    return undefined;
  }

  function pick(model: Record<string, unknown>): PageMessage {
    const id = model.id as Record<string, unknown> | undefined;
    const remote = id?.remote;
    const author = model.author ?? id?.participant;
    const quoted = model.quotedMsg as Record<string, unknown> | undefined;
    const picked: Record<string, unknown> = {
      id,
      revokedId: model.protocolMessageKey,
      author,
      body: textOf(model),
      quotedText: quoted?.caption || (quoted && textOf(quoted)),
      chatPhone: phoneOf(remote),
      authorPhone: author === undefined || author === null ? undefined : phoneOf(author),
      vcardList: pickEach(model.vcardList, ['displayName', 'vcard']),
      pollOptions: pickEach(model.pollOptions, ['name']),
      ackReason: refusalOf(model),
    };
    for (const field of PICKED) picked[field] = model[field];
    if (quoted) picked.quotedStanzaID ||= quotedIdOf(id, quoted);
    return picked as unknown as PageMessage;
  }

  /** The body of media and locations is a thumbnail, not text. */
  function textOf(model: Record<string, unknown>): unknown {
    return model.mimetype || model.type === 'location' ? undefined : model.body;
  }

  /** Which message it answers, where it does not say so itself. */
  function quotedIdOf(id: Record<string, unknown> | undefined, quoted: Record<string, unknown>): unknown {
    const own = (quoted.id as Record<string, unknown> | undefined)?.id;
    if (own) return own;
    return attempt(() => {
      const model = window.require('WAWebCollections').Msg.get(id?._serialized ?? id?.$1);
      return window.require('WAWebQuotedMsgModelUtils').getQuotedMsgObj(model)?.id?.id;
    });
  }

  /** Why WhatsApp refused a message; undefined if the page does not know, or it did not. */
  function refusalOf(model: Record<string, unknown>): string | undefined {
    const reason = model.ackError ?? model.sendError ?? model.errorCode;
    return reason === undefined || reason === null ? undefined : String(reason);
  }

  function glimpse(model: PageModel): PageGlimpse {
    const reason = refusalOf(model);
    return { id: { ...model.id }, ack: Number(model.ack), ...(reason === undefined ? {} : { reason }) };
  }

  function pickEach(list: unknown, fields: readonly string[]): object[] | undefined {
    if (!Array.isArray(list)) return undefined;
    return list.map((each) => Object.fromEntries(fields.map((field) => [field, each?.[field]])));
  }

  /**
   * When somebody reacted, in milliseconds, as `reactionTimestamp` is in either form. The `timestamp` of a row on its way into
   * the page's table is the library's, in seconds; that of a sender whom the page lists is the page's own, in milliseconds.
   */
  function reactedAt(raw: Record<string, unknown>, form: ReactionForm): number {
    if (raw.reactionTimestamp) return Number(raw.reactionTimestamp);
    return Number(raw.timestamp) * (form === 'row' ? 1000 : 1);
  }

  function pickReaction(raw: Record<string, unknown>, form: ReactionForm): PageReaction {
    const parent = raw.parentMsgKey as Record<string, unknown> | undefined;
    const sender = raw.senderUserJid ?? raw.author ?? raw.from;
    const at = reactedAt(raw, form);
    return {
      parentId: parent,
      sender,
      emoji: String(raw.reactionText ?? raw.reaction ?? ''),
      ...(phoneOf(sender) === undefined ? {} : { senderPhone: phoneOf(sender) as string }),
      ...(phoneOf(parent?.remote) === undefined ? {} : { chatPhone: phoneOf(parent?.remote) as string }),
      ...(Number.isFinite(at) && at > 0 ? { at } : {}),
    };
  }

  function findPoll(raw: Record<string, unknown>): PageModel | undefined {
    const key = String(raw.parentMsgKey ?? raw.pollUpdateParentKey);
    return attempt(() => window.require('WAWebCollections').Msg.get(key) as PageModel | undefined);
  }

  /** Ids of options: a list as a rule; the page's store keeps them as the bytes of a buffer, which is none. */
  function optionIdsOf(raw: unknown): number[] {
    const isList = Symbol.iterator in Object(raw ?? []);
    return Array.from(
      isList ? ((raw ?? []) as Iterable<unknown>) : new Uint8Array(raw as ArrayBuffer),
      Number,
    );
  }

  function pickVote(raw: Record<string, unknown>, poll = findPoll(raw)): PageVote {
    const parent = (raw.parentMsgKey ?? raw.pollUpdateParentKey) as Record<string, unknown> | undefined;
    const voter = raw.author ?? raw.from ?? raw.sender;
    const at = Number(raw.senderTimestampMs ?? raw.t);
    const options = Array.isArray(poll?.pollOptions) ? (poll.pollOptions as { localId?: unknown }[]) : [];
    // An id is the place as a rule.
    const ids = optionIdsOf(raw.selectedOptionLocalIds);
    const placeOf = (id: number) => options.findIndex(({ localId }) => Number(localId) === id);
    return {
      parentId: parent,
      voter,
      choices: ids.map((id) => (placeOf(id) === -1 ? id : placeOf(id))),
      ...(phoneOf(voter) === undefined ? {} : { voterPhone: phoneOf(voter) as string }),
      ...(phoneOf(parent?.remote) === undefined ? {} : { chatPhone: phoneOf(parent?.remote) as string }),
      ...(Number.isFinite(at) ? { at } : {}),
    };
  }

  function makeKey(chat: PageModel, bareId: string): object {
    const me = window.require('WAWebUserPrefsMeUser');
    const isGroup = chat.id.isGroup?.() === true;
    const group = chat.groupMetadata as { isLidAddressingMode?: boolean } | undefined;
    const byLid = isGroup ? group?.isLidAddressingMode === true : chat.id.isLid?.() === true;
    const lid = me.getMaybeMeLidUser?.();
    const phone = me.getMaybeMePnUser?.();
    const from = byLid ? (lid ?? phone) : (phone ?? lid);
    const participant = isGroup ? window.require('WAWebWidFactory').asUserWidOrThrow(from) : undefined;
    const MsgKey = window.require('WAWebMsgKey');
    return new MsgKey({ from, to: chat.id, id: bareId, participant, selfDir: 'out' });
  }

  /** What one part of the page says, or undefined if it throws: there are other ways. */
  function attempt<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch {
      return undefined;
    }
  }

  Object.assign(switchboard, { pick, pickReaction, pickVote, addressOf, phoneOf, glimpse, makeKey });
}
