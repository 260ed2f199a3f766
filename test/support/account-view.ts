import type { AccountHealthView } from '../../src/cli/api-views.ts';

/** An account as the API shows it, connected and healthy unless said otherwise. */
export function makeAccountView(changes: Partial<AccountHealthView> = {}): AccountHealthView {
  return {
    id: '11111111-1111-4111-8111-111111111111',
    phoneNumber: null,
    displayName: 'Shop',
    connectionStatus: 'Connected',
    state: 'connected',
    reason: null,
    since: '2026-01-02T03:04:05.000Z',
    healthStatus: 'Healthy',
    messagesSentToday: 3,
    messagesReceivedToday: 4,
    dailyLimit: 1000,
    timezone: 'UTC',
    lastConnectedAt: null,
    usagePercentage: 0.3,
    lastError: null,
    reconnect: null,
    ...changes,
  };
}
