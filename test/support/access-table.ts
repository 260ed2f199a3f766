import type { Permission } from '../../src/accounts/permissions.ts';
import type { AnswerBody } from './http-server.ts';

/** What each operation of the OpenAPI document demands; a test fails for one that has no line here. */
export const PERMISSION_OF: Readonly<Record<string, Permission | 'open'>> = {
  getHealth: 'open',
  getReady: 'open',
  getMetrics: 'whatsapp:manage',
  connect: 'whatsapp:connect',
  getPairingCode: 'whatsapp:read',
  getQrCode: 'whatsapp:read',
  getAccountHealth: 'whatsapp:read',
  reconnect: 'whatsapp:connect',
  disconnect: 'whatsapp:disconnect',
  listAccounts: 'whatsapp:read',
  getAccount: 'whatsapp:read',
  changeAccount: 'whatsapp:connect',
  deleteAccount: 'whatsapp:disconnect',
  sendMessage: 'whatsapp:send',
  sendMessages: 'whatsapp:send',
  listCampaigns: 'whatsapp:send',
  createCampaign: 'whatsapp:send',
  getCampaign: 'whatsapp:send',
  listCampaignItems: 'whatsapp:send',
  pauseCampaign: 'whatsapp:send',
  resumeCampaign: 'whatsapp:send',
  cancelCampaign: 'whatsapp:send',
  listMessages: 'whatsapp:read',
  getMessage: 'whatsapp:read',
  getMessageMedia: 'whatsapp:read',
  reactToMessage: 'whatsapp:send',
  cancelMessage: 'whatsapp:send',
  uploadMedia: 'whatsapp:send',
  listChats: 'whatsapp:read',
  listContacts: 'whatsapp:read',
  listUsage: 'whatsapp:read',
  getSettings: 'whatsapp:manage',
  changeSettings: 'whatsapp:manage',
  listKeys: 'whatsapp:manage',
  createKey: 'whatsapp:manage',
  revokeKey: 'whatsapp:manage',
  listGrants: 'whatsapp:manage',
  grantAccount: 'whatsapp:manage',
  revokeGrant: 'whatsapp:manage',
  listAudit: 'whatsapp:manage',
  listWebhooks: 'whatsapp:manage',
  createWebhook: 'whatsapp:manage',
  getWebhook: 'whatsapp:manage',
  changeWebhook: 'whatsapp:manage',
  deleteWebhook: 'whatsapp:manage',
  rotateWebhookSecret: 'whatsapp:manage',
  testWebhook: 'whatsapp:manage',
  listWebhookDeliveries: 'whatsapp:manage',
  redeliver: 'whatsapp:manage',
  redeliverRange: 'whatsapp:manage',
  listInstances: 'whatsapp:manage',
  forgetInstance: 'whatsapp:manage',
  verifyVault: 'whatsapp:manage',
  rotateVault: 'whatsapp:manage',
  importVault: 'whatsapp:manage',
  exportVault: 'whatsapp:manage',
  confirmVaultExport: 'whatsapp:manage',
};

/** What is shown to the tenant `default` alone. */
export const OPERATOR_ONLY: ReadonlySet<string> = new Set(['getMetrics', 'listInstances', 'forgetInstance']);

/** A body that is valid, where one is needed, so that a refusal is about who asks alone. */
export const BODY_OF: Readonly<Record<string, unknown>> = {
  sendMessage: { to: '+491700000002', text: 'hi' },
  sendMessages: { items: [{ to: '+491700000002', text: 'hi' }] },
  createCampaign: { name: 'Mine', items: [{ to: '+491700000002', text: 'hi' }] },
  changeAccount: { displayName: 'mine now' },
  reactToMessage: { emoji: '👍' },
  exportVault: { passphrase: 'a sentence of twelve' },
  confirmVaultExport: { generation: 1 },
  createKey: { name: 'Made', role: 'viewer', scopes: ['whatsapp:read'] },
  changeSettings: {},
  createWebhook: { url: 'https://shop.example/hooks', events: ['message.received'] },
  changeWebhook: { description: 'mine now' },
  redeliverRange: { from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' },
};

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

/** All operations of the document. */
export function documentToOperations(document: AnswerBody): readonly Operation[] {
  return Object.entries<AnswerBody>(document.paths).flatMap(([path, item]) =>
    Object.entries<AnswerBody>(item).map(([method, { operationId }]) => ({
      id: operationId,
      method: method.toUpperCase(),
      path,
    })),
  );
}

/** The operation's path with these ids, as `TestServer.ask` takes it. */
export function fillPath({ path }: Operation, ids: Readonly<Record<string, string>>): string {
  return `/${path.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const id = ids[name];
    if (id === undefined) throw new TypeError(`There is no id for {${name}} of ${path}.`);
    return id;
  })}`;
}
