import type { PageModel } from './page-model.ts';

/**
 * Runs in the page once the library listens to it, and tells which incoming messages were seen, on the phone or in the page: of
 * that a page shows no more than that a chat's count of what is unread falls. A count that falls from p to n says that of the
 * last p incoming messages all but the last n were seen, and those that are loaded are told as acks; one that rises costs
 * nothing but a note of it. How a count stands tells nothing: a page may show a message before it counts it, and -1 is a chat
 * that was marked as unread by hand. `uncounted`: types that no count has.
 */
export function installSeen(uncounted: readonly string[]): void {
  const switchboard = window.switchboard;
  if (!switchboard) return;

  const SEEN = 3;
  /** Of each chat, as it was last heard. */
  const counts = new WeakMap<object, number>();

  function countOf(chat: PageModel): number | undefined {
    const { unreadCount } = chat;
    return typeof unreadCount === 'number' && unreadCount >= 0 ? unreadCount : undefined;
  }

  function note(chat: PageModel): void {
    const count = countOf(chat);
    if (count !== undefined) counts.set(chat, count);
  }

  /** What is loaded of the incoming messages of a chat, oldest first. */
  function incomingOf(chat: PageModel): PageModel[] {
    const { msgs } = chat as { msgs?: { getModelsArray?: () => PageModel[] } };
    const incoming = (msgs?.getModelsArray?.() ?? []).filter(
      (model) =>
        model.id.fromMe === false && !model.isNotification && !uncounted.includes(String(model.type)),
    );
    return incoming.sort((a, b) => Number(a.t ?? 0) - Number(b.t ?? 0));
  }

  function tellSeen(model: PageModel): void {
    const chatPhone = switchboard?.phoneOf(model.id.remote);
    const message = { id: { ...model.id }, type: String(model.type), ...(chatPhone && { chatPhone }) };
    switchboard?.tell({ kind: 'ack', message, ack: SEEN });
  }

  function hear(chat: PageModel): void {
    const before = counts.get(chat) ?? 0;
    note(chat);
    const now = countOf(chat) ?? before;
    if (now >= before) return;
    const incoming = incomingOf(chat);
    const start = Math.max(0, incoming.length - before);
    for (const model of incoming.slice(start, Math.max(start, incoming.length - now))) tellSeen(model);
  }

  const { Chat } = window.require('WAWebCollections');
  for (const chat of (Chat?.getModelsArray?.() ?? []) as PageModel[]) note(chat);
  Chat?.on?.('add', note);
  window.onChatUnreadCountEvent = hear;
}
