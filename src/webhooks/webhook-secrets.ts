import type { SealedSecrets } from '../db/webhook-secret-store.ts';
import { isAppError } from '../lib/errors.ts';
import type { KeyRing } from '../vault/key-ring.ts';

/** Seals the secrets of webhooks for the database, each bound to its webhook. */
export interface WebhookSecrets {
  seal(webhookId: string, secret: string): Buffer;
  /** Those that sign now and can be opened, the newest first. @throws AppError VAULT_KEY_MISSING, VAULT_DAMAGED */
  open(webhookId: string, secrets: SealedSecrets, now: number): readonly string[];
  /** The same secret sealed by the current key; undefined if it is already, or if no key at hand opens it. */
  reseal(webhookId: string, sealed: Buffer): Buffer | undefined;
}

export function makeWebhookSecrets(
  keyRing: Pick<KeyRing, 'sealSecret' | 'openSecret' | 'isSealedByCurrent'>,
): WebhookSecrets {
  const nameOf = (webhookId: string) => `webhook ${webhookId}`;
  const open = (webhookId: string, sealed: Uint8Array) => keyRing.openSecret(nameOf(webhookId), sealed);
  const seal = (webhookId: string, secret: Uint8Array) => keyRing.sealSecret(nameOf(webhookId), secret);
  return {
    seal: (webhookId, secret) => seal(webhookId, Buffer.from(secret)),
    open(webhookId, { current, earlier }, now) {
      const signing = [open(webhookId, current).toString('utf8')];
      for (const { sealed, until } of earlier) {
        if (until.getTime() <= now) continue;
        try {
          signing.push(open(webhookId, sealed).toString('utf8'));
        } catch (thrown) {
          // A secret is rotated also because the key of the one before is lost.
          if (!isAppError(thrown, 'VAULT_KEY_MISSING')) throw thrown;
        }
      }
      return signing;
    },
    reseal(webhookId, sealed) {
      if (keyRing.isSealedByCurrent(sealed)) return undefined;
      return seal(webhookId, open(webhookId, sealed));
    },
  };
}
