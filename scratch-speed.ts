import { mkdtemp, rm } from 'node:fs/promises';
import { startSimulator } from './simulator/client.ts';
import { DrivenClient, Profile } from './test/integration/simulator/driven-client.ts';

const COUNT = Number(process.argv[2] ?? 5000);
const FROM = Number(process.argv[3] ?? 3);
await using sim = await startSimulator();
await using profile = await Profile.open();
const shop = await sim.world.phone('shop');
const names = Array.from({length: FROM}, (_, i) => `peer-${i}`);
await using driven = await new DrivenClient(sim, profile).link(shop);
for (const mode of ['listened', 'no-unread', 'unlistened']) {
  if (mode === 'no-unread') await driven.evaluate(`window.require('WAWebCollections').Chat.off('change:unreadCount')`);
  if (mode === 'unlistened') await driven.evaluate(`{const {Msg, Chat} = window.require('WAWebCollections'); for (const n of ['add','change','change:type','change:ack','change:body','change:caption','remove','change:isUnsentMedia']) Msg.off(n); Chat.off('change:unreadCount')}`);
  const before = driven.events.of('message').length;
  const t0 = performance.now();
  await sim.world.burst({ from: names, to: shop, count: COUNT, text: mode });
  const t1 = performance.now();
  await sim.world.waitFor({ drained: 'shop' }, { timeoutMs: 120000 });
  const t2 = performance.now();
  if (mode !== 'unlistened') while (driven.events.of('message').length < before + COUNT) await new Promise(r => setTimeout(r, 5));
  const t3 = performance.now();
  console.log(mode, `handed in ${(t1 - t0).toFixed(0)} ms, receipted ${(t2 - t0).toFixed(0)} ms (${(COUNT / (t2 - t0) * 1000).toFixed(0)}/s), events ${(t3 - t0).toFixed(0)} ms (${(COUNT / (t3 - t0) * 1000).toFixed(0)}/s)`);
}
