import type { RuntimeFolder } from '../channels/whatsapp-web/runtime-folder.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenKeys } from './sealing.ts';

/** What a daemon that works should be told of all the same. */
export function warnOfWeakPlaces(
  log: Logger,
  { runtime, keys }: { readonly runtime: RuntimeFolder; readonly keys: OpenKeys },
): void {
  if (!runtime.isInMemory) {
    log.warn('Opened sessions lie on a disk while they run', {
      runtimePath: runtime.path,
      remedy: 'Set WHATSAPP_RUNTIME_PATH to a folder in memory (tmpfs) with room for every session.',
    });
  }
  const { keyRing, madeAt, forgottenAt } = keys;
  if (forgottenAt !== null) {
    log.warn('A key was made here that none of the keys given is: what it has sealed stays closed', {
      path: forgottenAt,
      remedy:
        'Put what the file holds into ENCRYPTION_KEY_PREVIOUS, start again, then: npm run cli -- vault rotate. Remove the file if nothing needs it.',
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
