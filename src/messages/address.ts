import type { InboundEvent, ReadMessage } from './inbound-event.ts';

/**
 * The two addresses of a person (fact A16): the LID (`…@lid`) and the phone number (`…@c.us`). The chat of a person is
 * named by the number as soon as it is known.
 */
export interface AddressPair {
  readonly lid: string;
  readonly phone: string;
}

/** True for the id of a person whose number it does not tell. */
export function isLid(id: string): boolean {
  return /^\d+@lid$/.test(id);
}

/** True for the id of a person that tells their number. */
export function isPhone(id: string): boolean {
  return /^\d+@c\.us$/.test(id);
}

/** The pair of two ids of one person; undefined unless the one is a LID and the other a number. */
export function toAddressPair(
  lid: string | null | undefined,
  phone: string | null | undefined,
): AddressPair | undefined {
  if (lid === null || lid === undefined || phone === null || phone === undefined) return undefined;
  return isLid(lid) && isPhone(phone) ? { lid, phone } : undefined;
}

/** The pairs that an event tells by naming somebody both ways. */
export function eventToPairs(event: InboundEvent): AddressPair[] {
  const { key, chatId } = event;
  const author = event.kind === 'message' ? event.author : undefined;
  return [toAddressPair(key.chatId, chatId), toAddressPair(key.participant, author)].flatMap(
    (pair) => pair ?? [],
  );
}

function eventToPeople(event: InboundEvent): string[] {
  switch (event.kind) {
    case 'message':
      return event.author === null ? [] : [event.author];
    case 'reaction':
      return [event.senderId];
    case 'vote':
      return [event.voterId];
    case 'ack':
    case 'edit':
    case 'revoke':
    case 'media':
      return [];
    default:
      return event satisfies never;
  }
}

/** The LIDs by which an event names its chat and people. */
export function eventToLids(event: InboundEvent): string[] {
  return [event.chatId, ...eventToPeople(event)].filter(isLid);
}

/** A message that is read back, with the numbers of those who reacted and voted in place of their LIDs. */
export function toCanonicalPeople<Message extends Pick<ReadMessage, 'reactions' | 'votes'>>(
  message: Message,
  phones: ReadonlyMap<string, string>,
): Message {
  const { reactions, votes } = message;
  const canonical = (id: string) => phones.get(id) ?? id;
  return {
    ...message,
    ...(reactions && {
      reactions: reactions.map((each) => ({ ...each, senderId: canonical(each.senderId) })),
    }),
    ...(votes && { votes: votes.map((each) => ({ ...each, voterId: canonical(each.voterId) })) }),
  };
}

/** The event with the numbers in place of the LIDs whose numbers are known. */
export function toCanonicalEvent(event: InboundEvent, phones: ReadonlyMap<string, string>): InboundEvent {
  if (phones.size === 0) return event;
  const canonical = (id: string) => phones.get(id) ?? id;
  const chatId = canonical(event.chatId);
  switch (event.kind) {
    case 'message':
      return { ...event, chatId, author: event.author === null ? null : canonical(event.author) };
    case 'reaction':
      return { ...event, chatId, senderId: canonical(event.senderId) };
    case 'vote':
      return { ...event, chatId, voterId: canonical(event.voterId) };
    case 'ack':
    case 'edit':
    case 'revoke':
    case 'media':
      return { ...event, chatId };
    default:
      return event satisfies never;
  }
}
