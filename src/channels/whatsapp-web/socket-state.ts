import type { ReasonCode } from '../../accounts/reason.ts';

/**
 * What a state of the page's socket means for its session. `connected` and `pairing` are progress, `waiting` is a
 * page that may yet come (OPENING can last for ever: fact A9), `unpaired` a page without a link, and `ended` a state
 * that no waiting mends.
 */
export type SocketMeaning =
  | { readonly kind: 'connected' | 'pairing' | 'waiting' | 'unpaired' }
  | { readonly kind: 'ended'; readonly reason: ReasonCode };

const MEANINGS: Readonly<Record<string, SocketMeaning>> = {
  CONNECTED: { kind: 'connected' },
  PAIRING: { kind: 'pairing' },
  OPENING: { kind: 'waiting' },
  UNLAUNCHED: { kind: 'waiting' },
  TIMEOUT: { kind: 'waiting' },
  UNPAIRED: { kind: 'unpaired' },
  UNPAIRED_IDLE: { kind: 'unpaired' },
  CONFLICT: { kind: 'ended', reason: 'replaced' },
  TOS_BLOCK: { kind: 'ended', reason: 'banned' },
  SMB_TOS_BLOCK: { kind: 'ended', reason: 'banned' },
  DEPRECATED_VERSION: { kind: 'ended', reason: 'client_outdated' },
  PROXYBLOCK: { kind: 'ended', reason: 'proxy_blocked' },
};

/** The states that are known. */
export const SOCKET_STATES: readonly string[] = Object.keys(MEANINGS);

/** The meaning of a socket state; one that is not known is waited for like OPENING. */
export function socketMeaning(state: string): SocketMeaning {
  return MEANINGS[state] ?? { kind: 'waiting' };
}
