import { setMe } from './addresses.ts';
import { newDevice } from './device-keys.ts';
import { PageLimits } from './limits.ts';
import { defineConnectModules } from './modules/connect.ts';
import { defineContactModules } from './modules/contacts.ts';
import { defineLimitModules } from './modules/limits.ts';
import { defineMediaModules } from './modules/media.ts';
import { defineMessageModules } from './modules/messages.ts';
import { PageRatchet } from './ratchet.ts';
import { countModules, registerOneByOne, requireModule, takeBack } from './registry.ts';
import { PageSession } from './session.ts';
import { PageStore } from './store.ts';

const VERSION = '2.3000.1031490220';

declare global {
  interface Window {
    Debug?: { VERSION: string };
  }
}

const late = window.__boot?.lateModules ?? null;
if (late?.mode === 'late') window.Debug = { VERSION };

const store = await PageStore.open();
if (window.__boot?.refused) await store.clear();
const device = (await store.get('device', 'device')) ?? (await newDevice(store));
setMe(device.me);

const session = new PageSession(store, device, await PageRatchet.load(store), await PageLimits.load(store));
defineConnectModules(session);
const connectModules = countModules();
defineMessageModules(session);
defineContactModules(session);
defineLimitModules(session);
defineMediaModules();

if (late?.mode === 'late') {
  await registerOneByOne(late.delayMs, connectModules);
} else {
  Object.assign(window, { require: requireModule });
}

if (window.__boot?.holdVersionUntilSynced && device.deviceId !== undefined) {
  session.whenSynced.push(() => {
    window.Debug = { VERSION };
  });
} else {
  window.Debug = { VERSION };
}
if (late?.mode === 'late-tables') {
  const giveBack = takeBack(['WAWebAddonReactionTableMode', 'WAWebAddonPollVoteTableMode']);
  session.whenSynced.push(() => setTimeout(giveBack, late.delayMs));
}
session.start();
