import { toBase64 } from './media.ts';
import type { DeviceRecord, PageStore } from './store.ts';

/** Makes the keys of a device that is not linked yet. Stored at once, so that a reload shows the same identity. */
export async function newDevice(store: PageStore): Promise<DeviceRecord> {
  const loginKey = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
  const device: DeviceRecord = {
    key: 'device',
    noise: randomBytes(),
    identity: randomBytes(),
    advSecret: toBase64(randomBytes()),
    loginKey,
    whatsNewSeen: false,
  };
  await store.write([{ store: 'device', put: device }]);
  return device;
}

function randomBytes(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(32));
}
