/** What the command line reads of the API's answers; more may be in them. docs: the OpenAPI document. */
export interface AccountView {
  readonly id: string;
  readonly phoneNumber: string | null;
  readonly displayName: string | null;
  readonly connectionStatus: string;
  readonly state: string;
  readonly reason: {
    readonly code: string;
    readonly text: string;
    readonly userAction: string | null;
  } | null;
  readonly since: string;
  readonly healthStatus: string;
  readonly messagesSentToday: number;
  readonly messagesReceivedToday: number;
  readonly dailyLimit: number;
  readonly timezone: string;
  readonly lastConnectedAt: string | null;
}

export interface AccountHealthView extends AccountView {
  readonly usagePercentage: number;
  readonly lastError: string | null;
  readonly reconnect: { readonly attempt: number; readonly nextAt: string | null } | null;
}

export interface QrView {
  /** Null until there is one. */
  readonly qr: string | null;
  readonly expiresAt: string | null;
}

export interface PairingCodeView {
  /** Null until there is one. */
  readonly code: string | null;
  readonly expiresAt: string | null;
}

export interface MessageView {
  readonly messageId: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly chatId: string;
  readonly phoneNumber: string | null;
  readonly type: string;
  readonly text: string | null;
  readonly caption: string | null;
  readonly status: string;
  readonly failedReason: string | null;
  readonly reactions: readonly { readonly senderId: string; readonly emoji: string; readonly at: string }[];
  /** Null for what is no poll. */
  readonly votes:
    | readonly { readonly voterId: string; readonly options: readonly string[]; readonly at: string }[]
    | null;
  readonly timestamp: string;
}

export interface AcceptedMessage {
  readonly messageId: string;
  readonly status: string;
}

export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly scopes: readonly string[] | null;
  readonly prefix: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
  readonly instances: readonly string[];
}

/** The key itself is in no other answer. */
export interface NewKeyView extends KeyView {
  readonly key: string;
}
