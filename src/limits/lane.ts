/**
 * The lanes in which outgoing messages wait, in the order of their priority: answers to a chat that wrote within a day
 * (`reply`), chats that wrote once, and groups (`known`), and people who never wrote (`stranger`). A lane is a property of
 * the chat at the moment, so all that waits for a chat changes lane with it, and no lane reorders the messages of a chat.
 */
export const LANES = ['reply', 'known', 'stranger'] as const;

export type Lane = (typeof LANES)[number];

/** For so long after its last message a chat is answered, in hours. WhatsApp's own window for businesses is the same. */
export const REPLY_WINDOW_HOURS = 24;
