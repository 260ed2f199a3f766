import type { RuntimeFolder } from '../channels/whatsapp-web/runtime-folder.ts';
import type { Logger } from '../lib/logger.ts';
import type { KeyRing } from '../vault/key-ring.ts';

/** What a daemon that works should be told of all the same. */
export function warnOfWeakPlaces(
  log: Logger,
  { runtime, keyRing, madeAt }: { runtime: RuntimeFolder; keyRing: KeyRing; madeAt: string | null },
): void {
  if (!runtime.isInMemory) {
    log.warn('Opened sessions lie on a disk while they run', {
      runtimePath: runtime.path,
      remedy: 'Set WHATSAPP_RUNTIME_PATH to a folder in memory (tmpfs) with room for every session.',
    });
  }
  if (madeAt !== null) {
    log.warn('The encryption key lies on the same disk as what it seals', {
      path: madeAt,
      keyId: keyRing.currentKeyId,
      remedy:
        'Set ENCRYPTION_KEY to one kept elsewhere and ENCRYPTION_KEY_PREVIOUS to this one, start again, then: npm run cli -- vault rotate',
    });
  }
}
