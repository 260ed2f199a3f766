/**
 * What travels between a page and the network, over one WebSocket. Addresses on the wire are neutral: an account
 * is its phone number's digits (`pn`), a group its id's digits. Dialects are the page's business alone.
 */
export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };
export type Attributes = Record<string, Json>;

/** How the page names the serialized form of a message key. */
export type IdDialect = '_serialized' | '$1';
/** Whether one-to-one chats are addressed by phone number or by LID. */
export type AddressDialect = 'phone' | 'lid';

/** How an account may start chats with people who never wrote to it. */
export type TimelockView = { readonly endsAt: number; readonly type: string };
export type CappingView = {
  readonly status: 'NONE' | 'FIRST_WARNING' | 'SECOND_WARNING' | 'CAPPED';
  readonly total: number;
  readonly used: number;
  readonly cycleStart: number;
  readonly cycleEnd: number;
  readonly sentAt: number;
};
/** What WhatsApp says of an account's limits; instants in milliseconds, null while nothing is limited. */
export type LimitsView = { readonly timelock: TimelockView | null; readonly capping: CappingView | null };

export type Peer = { readonly pn: string; readonly lid: string; readonly pushname: string };
export type ChatRef = { readonly user: string } | { readonly group: string };

export type GroupInfo = {
  readonly id: string;
  readonly subject: string;
  readonly owner: string;
  readonly participants: readonly { readonly pn: string; readonly admin: boolean }[];
  readonly announce: boolean;
  readonly createdAt: number;
};

/** A message as the network carries it. `t` is in seconds, `to` is the receiver as its author addressed it. */
export type WireMessage = {
  readonly id: string;
  readonly from: string;
  readonly to: ChatRef;
  readonly t: number;
  readonly attrs: Attributes;
};

/** Something a linked device must learn of. It stays queued for the device until the page receipts it. */
export type Envelope =
  | {
      readonly kind: 'message';
      readonly message: WireMessage;
      readonly chat: ChatRef;
      readonly peers: readonly Peer[];
      readonly group?: GroupInfo | undefined;
      readonly ack: number;
      /** History given at linking: it never was news. */
      readonly history?: boolean;
      /** The page raises its events twice, as one with doubled listeners does. */
      readonly twice?: boolean;
      /** The page raises the ack's event before the message's. */
      readonly ackFirst?: boolean;
    }
  | { readonly kind: 'ack'; readonly id: string; readonly ack: number; readonly error?: number }
  | {
      readonly kind: 'edit';
      readonly id: string;
      readonly by: string;
      readonly text: string;
      readonly t: number;
    }
  | { readonly kind: 'revoke'; readonly id: string; readonly by: string; readonly t: number }
  | {
      readonly kind: 'reaction';
      readonly id: string;
      readonly target: string;
      readonly from: Peer;
      readonly emoji: string;
      readonly t: number;
    }
  | {
      readonly kind: 'vote';
      readonly id: string;
      readonly target: string;
      readonly from: Peer;
      readonly options: readonly number[];
      readonly t: number;
    }
  /** The phone's address book calls the peer so; null: no longer. */
  | { readonly kind: 'contact'; readonly peer: Peer; readonly name: string | null }
  | { readonly kind: 'group'; readonly group: GroupInfo; readonly peers: readonly Peer[] }
  | { readonly kind: 'read'; readonly chat: ChatRef };

/** `unreadable`: the page has no session for it any more, and must ask its author for another copy. */
export type Delivery = { readonly seq: number; readonly envelope: Envelope; readonly unreadable?: boolean };

/** How far one end of a device's encryption has come: the last delivery it took, the last message it sent. */
export type Ratchet = { readonly received: number; readonly sent: number };

/** How a page of this device behaves; sent at its login. */
export type PageConfig = {
  readonly phone: string;
  readonly ids: IdDialect;
  readonly addresses: AddressDialect;
  readonly platform: string;
  readonly syncMs: number | null;
  readonly resendMs: number;
  readonly toggleSync: boolean;
  readonly offlineIsNew: boolean | null;
  readonly whatsNewLogoutMs: number | null;
  /** From the first sync to the "What's new" dialog; null: it opens at once after the login. */
  readonly whatsNewOpensMs: number | null;
  readonly historyPerChat: number;
  readonly weight: PageWeight;
};

/** What a page holds beyond what it needs: objects of its scripts, elements of its document, rows of its storage. */
export type PageWeight = {
  readonly heapMb: number;
  readonly nodes: number;
  readonly storageMb: number;
};

/** The part of a page's behaviour that must be known before it has a socket; written into the served HTML. */
export type BootConfig = {
  readonly ids: IdDialect;
  readonly addresses: AddressDialect;
  readonly holdVersionUntilSynced: boolean;
  readonly refused: boolean;
  /** Which modules the page registers late, and how late; null: they are all there from the first. */
  readonly lateModules: { readonly mode: 'late' | 'late-tables'; readonly delayMs: number } | null;
  readonly faults: readonly PageFault[];
};

/** A fault that the page itself must play. `left` is how often it may still strike; null means always. */
export type PageFault = {
  readonly id: string;
  readonly kind: string;
  readonly mode: string;
  readonly left: number | null;
  readonly text: string;
  readonly delayMs: number;
  readonly after: number;
};

export type PageAction =
  | { readonly do: 'reload' }
  | { readonly do: 'push-state'; readonly times: number }
  | { readonly do: 'iframe'; readonly times: number }
  | { readonly do: 'navigate'; readonly url: string }
  | { readonly do: 'state'; readonly state: string }
  | { readonly do: 'toggle-sync' }
  | { readonly do: 'null-ref' }
  | { readonly do: 'busy'; readonly ms: number }
  /** What comes is stored and receipted, and shown to nobody until `show`, which shows it as fast as it can. */
  | { readonly do: 'hold' }
  | { readonly do: 'show' };

export type SendResult =
  | { readonly ok: true; readonly t: number }
  | { readonly ok: false; readonly error: number };

/**
 * How a page shows that a passkey is demanded: by a dialog and a call of WebAuthn, by one of these two, by an element of
 * the page without a dialog's role, by one in another language, or only by going on waiting (PAIRING).
 */
export const PASSKEY_LOOKS = ['demand', 'dialog', 'webauthn', 'element', 'language', 'silent'] as const;
export type PasskeyLook = (typeof PASSKEY_LOOKS)[number];

export type ServerFrame =
  | { readonly type: 'challenge'; readonly nonce: string }
  | { readonly type: 'ref'; readonly ref: string }
  | { readonly type: 'refs-ended' }
  /** The look is null once nothing is demanded any more. */
  | { readonly type: 'passkey'; readonly look: PasskeyLook | null }
  | { readonly type: 'paired'; readonly deviceId: string; readonly me: Peer; readonly phone: string }
  | {
      readonly type: 'welcome';
      readonly config: PageConfig;
      readonly me: Peer;
      /** The network's end; a page that lies behind goes on from here. */
      readonly ratchet: Ratchet;
      readonly peers: readonly Peer[];
      readonly groups: readonly GroupInfo[];
      readonly faults: readonly PageFault[];
      readonly limits: LimitsView;
    }
  | { readonly type: 'limits'; readonly limits: LimitsView }
  | { readonly type: 'removed'; readonly navigate: boolean }
  | { readonly type: 'offline'; readonly count: number }
  | { readonly type: 'deliver'; readonly items: readonly Delivery[] }
  | { readonly type: 'sent'; readonly id: string; readonly result: SendResult }
  | { readonly type: 'result'; readonly rid: number; readonly value: Json }
  | { readonly type: 'failed'; readonly rid: number; readonly message: string }
  | { readonly type: 'faults'; readonly rid: number; readonly faults: readonly PageFault[] }
  | { readonly type: 'act'; readonly rid: number; readonly action: PageAction };

export type PageKeys = {
  readonly noise: string;
  readonly identity: string;
  readonly advSecret: string;
};

export type PageFrame =
  | {
      readonly type: 'hello';
      readonly keys: PageKeys;
      /** The public half, as JWK, of the key that proves later logins. */
      readonly loginKey: JsonWebKey;
    }
  | {
      readonly type: 'login';
      readonly deviceId: string;
      /** What the device calls itself (its `os`), as the phone lists it. */
      readonly name: string;
      readonly tab: string;
      readonly resumed: boolean;
      readonly ratchet: Ratchet;
    }
  | { readonly type: 'proof'; readonly signature: string }
  | { readonly type: 'receipt'; readonly seqs: readonly number[] }
  /** What was delivered and could not be read. */
  | { readonly type: 'retry'; readonly seqs: readonly number[] }
  | { readonly type: 'send'; readonly message: WireMessage; readonly step: number }
  | { readonly type: 'query'; readonly rid: number; readonly op: string; readonly args: Attributes }
  | { readonly type: 'state'; readonly state: string; readonly synced: boolean }
  | { readonly type: 'fault-used'; readonly id: string }
  | { readonly type: 'missing'; readonly name: string }
  | { readonly type: 'done'; readonly rid: number };

export function chatKey(chat: ChatRef): string {
  return 'user' in chat ? `u:${chat.user}` : `g:${chat.group}`;
}

/** Whose session encrypts it; undefined for what the server itself tells, as the notices of groups. */
export function authorOf(envelope: Envelope): string | undefined {
  switch (envelope.kind) {
    case 'message':
      return envelope.message.attrs.type === 'gp2' ? undefined : envelope.message.from;
    case 'edit':
    case 'revoke':
      return envelope.by;
    case 'reaction':
    case 'vote':
      return envelope.from.pn;
    case 'ack':
    case 'contact':
    case 'group':
    case 'read':
      return undefined;
    default:
      return envelope satisfies never;
  }
}
