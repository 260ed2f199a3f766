import type { PageKey } from './page-model.ts';

/**
 * Runs in the page, by one call from Node: reacts to a message, or takes the reaction back (empty emoji). False if the
 * page does not have the message, or it was deleted.
 */
export async function reactToMessage(key: PageKey, emoji: string): Promise<boolean> {
  const message = await window.connectedSwitchboard().find(key);
  if (!message || message.type === 'revoked') return false;
  await window.require('WAWebSendReactionMsgAction').sendReactionToMsg(message, emoji);
  return true;
}
