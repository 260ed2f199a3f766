import type { PageModel } from './page-model.ts';

/**
 * Functions that run in the page, each by one call from Node: what lists its contacts and chats, a part at a time (fact
 * A18). With each person come both addresses, as far as the page knows them (A16).
 */

export interface PageContact {
  readonly id: string;
  readonly lid: unknown;
  readonly phone: unknown;
  readonly name: string | null;
  readonly pushName: string | null;
  readonly isBusiness: boolean;
  readonly isMe: boolean;
}

export interface PageListedChat {
  readonly id: string;
  readonly phone: string | undefined;
  readonly name: string | null;
  readonly unread: number;
  /** Seconds since the epoch. */
  readonly t: number;
}

/** People of the page after `after`, in the order of their ids. */
export function readContacts(after: string | null, limit: number): PageContact[] {
  const switchboard = window.connectedSwitchboard();
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  const plain = (wid: unknown) => {
    const { _serialized, $1 } = (wid ?? {}) as { _serialized?: unknown; $1?: unknown };
    return _serialized ?? $1 ?? wid;
  };
  const lidOf = (id: unknown) => {
    try {
      return window.require('WAWebApiContact').getCurrentLid(id);
    } catch {
      return undefined;
    }
  };
  /** What a getter of the page says of a contact: not all that is so need be a field of it. */
  const ask = (getter: string, model: PageModel) => {
    try {
      return window.require('WAWebContactGetters')[getter](model) as unknown;
    } catch {
      return undefined;
    }
  };
  /** Both addresses of the account itself, as far as the page tells them. */
  const ownIds = () => {
    try {
      const me = window.require('WAWebUserPrefsMeUser');
      return [me.getMaybeMePnUser?.(), me.getMaybeMeLidUser?.()].map((own) => switchboard.addressOf(own));
    } catch {
      return [];
    }
  };
  const own = ownIds();
  const models = window.require('WAWebCollections').Contact.getModelsArray() as PageModel[];
  return models
    .map((model) => ({ model, id: String(plain(model.id)) }))
    .filter(({ id }) => /^\d+@(c\.us|lid)$/.test(id) && (after === null || id > after))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, limit)
    .map(({ model, id }) => ({
      id,
      lid: id.endsWith('@lid') ? id : plain(lidOf(model.id) ?? model.lid),
      phone: id.endsWith('@lid') ? plain(model.phoneNumber ?? switchboard.phoneOf(model.id)) : id,
      name: text(model.name) ?? text(ask('getName', model)),
      pushName:
        text(model.pushname) ??
        text(ask('getPushname', model)) ??
        text(model.verifiedName) ??
        text(ask('getVerifiedName', model)),
      isBusiness: model.isBusiness === true,
      isMe: model.isMe === true || ask('getIsMe', model) === true || own.includes(id),
    }));
}

/** Personal chats and groups of the page after `after`, in the order of their ids. */
export function readChatList(after: string | null, limit: number): PageListedChat[] {
  const switchboard = window.connectedSwitchboard();
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);
  /** What the page shows above a chat without a name; it may be but the number, which is none. */
  const titleOf = ({ formattedTitle }: PageModel) => {
    const title = text(formattedTitle);
    return title !== null && /\p{L}/u.test(title) ? title : null;
  };
  const models = window.require('WAWebCollections').Chat.getModelsArray() as PageModel[];
  return models
    .map((model) => ({ model, id: String(model.id._serialized ?? model.id.$1 ?? model.id) }))
    .filter(({ id }) => /@(c\.us|lid|g\.us)$/.test(id) && (after === null || id > after))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, limit)
    .map(({ model, id }) => {
      const group = model.groupMetadata as { subject?: unknown } | undefined;
      return {
        id,
        phone: switchboard.phoneOf(model.id),
        name: text(group?.subject) ?? text(model.name) ?? titleOf(model),
        // A chat that was marked as unread by hand has -1.
        unread: Math.max(0, Number(model.unreadCount ?? 0) || 0),
        t: Number(model.t ?? 0) || 0,
      };
    });
}
