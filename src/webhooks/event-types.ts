/** What webhooks can be subscribed to, and what each tells. */
export const WEBHOOK_EVENTS = {
  'message.received': 'An incoming message was stored, live or read back after an absence.',
  'message.status':
    'A message took another step: accepted, sent (also from the phone itself), delivered, read, played, failed, put off, ' +
    'cancelled; or it was edited or revoked, its file is there or was given up, or reactions to it or votes in it changed.',
  'account.connected': 'The account is connected.',
  'account.reconnecting': 'The session fell and was not back within seconds.',
  'account.critical': 'Five attempts in a row failed, or five connections in a row did not last.',
  'account.needs_human': 'Only a person can mend it; the reason says what and how.',
  'account.disconnected': 'The account was disconnected on purpose, or was never linked.',
  'account.health': 'The health has changed.',
  'account.limit': '70 or 90 % of the daily limit are used.',
  'webhook.disabled': 'Another webhook of the tenant was disabled, since nothing was taken there for days.',
} as const satisfies Record<string, string>;

export type WebhookEvent = keyof typeof WEBHOOK_EVENTS;

/** What can be sent: a ping is asked for, not subscribed to. */
export type DeliveryType = WebhookEvent | 'ping';

export const WEBHOOK_EVENT_NAMES = Object.keys(WEBHOOK_EVENTS) as [WebhookEvent, ...WebhookEvent[]];
