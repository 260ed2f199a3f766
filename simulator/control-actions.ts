import type { Bodies } from './control-schema.ts';
import type { Account } from './network/account.ts';
import type { LinkDesk } from './network/linking.ts';
import { newPhoneId } from './network/message-changes.ts';
import type { Network } from './network/network.ts';
import { Rejection } from './network/rejection.ts';
import type { PageServer } from './page-server.ts';
import type { ChatRef, GroupInfo } from './protocol.ts';

/** What is told of a phone. */
export function describePhone(account: Account) {
  const { name, pn, lid, pushname, online, autoRead, ids, addresses } = account;
  const devices = [...account.devices.values()].map((device) => ({
    id: device.id,
    name: device.name ?? null,
    state: device.state,
    synced: device.synced,
    queued: device.queued,
    logins: device.logins,
    staleLogins: device.staleLogins,
    lines: device.lineCount,
    maxLines: device.maxLines,
    overlaps: device.overlaps,
    whatsNewSeen: device.whatsNewSeen,
  }));
  return {
    name,
    number: pn,
    lid,
    pushname,
    online,
    autoRead,
    ids: ids ?? null,
    addresses: addresses ?? null,
    contacts: Object.fromEntries(account.book),
    limits: account.limits.view(Date.now()),
    devices,
  };
}
export type PhoneView = ReturnType<typeof describePhone>;

/** Everything the world knows to be true. */
export function describeTruth(network: Network, desk: LinkDesk) {
  return {
    messages: network.ledger.entries().map(({ carried }) => carried),
    refused: network.ledger.refused,
    phones: network.directory.accounts().map(describePhone),
    groups: network.directory.groups(),
    waitingPages: desk.waiting,
    missingModules: [...network.missingModules.keys()],
    counters: network.ledger.counters(),
  };
}
export type Truth = ReturnType<typeof describeTruth>;

/** A chat by the name a test gives it: a group by id or subject, else a phone by name or number. */
export function resolveChat(network: Network, to: string): ChatRef {
  const group = network.directory.findGroup(to);
  if (group) return { group: group.id };
  return { user: network.directory.getAccount(to).pn };
}

export function openGroup(network: Network, body: Bodies['group']): GroupInfo {
  const owner = network.directory.getAccount(body.owner);
  const members = new Set([owner, ...body.participants.map((each) => network.directory.getAccount(each))]);
  const group: GroupInfo = {
    id: `1203630${Date.now()}${String(network.directory.groups().length).padStart(3, '0')}`,
    subject: body.subject,
    owner: owner.pn,
    participants: [...members].map(({ pn }) => ({ pn, admin: pn === owner.pn })),
    announce: body.announce ?? false,
    createdAt: Math.floor(Date.now() / 1000),
  };
  network.putGroup(group);
  return group;
}

/** Changes a group; its members' pages also get the notice that WhatsApp shows in the chat. */
export function changeGroup(network: Network, id: string, body: Bodies['groupChange']): GroupInfo {
  const group = network.directory.findGroup(id);
  if (!group) throw new Rejection(404, `no group "${id}"`);
  const added = (body.add ?? []).map((each) => network.directory.getAccount(each).pn);
  const removed = (body.remove ?? []).map((each) => network.directory.getAccount(each).pn);
  const owner = network.directory.getAccount(group.owner);
  const notify = (subtype: string, recipients: string[], text?: string) => {
    const attrs = { type: 'gp2', subtype, recipients, ...(text === undefined ? {} : { body: text }) };
    const message = {
      id: newPhoneId(),
      from: owner.pn,
      to: { group: group.id },
      t: Math.floor(Date.now() / 1000),
      attrs,
    };
    network.carry({ account: owner, device: null }, message);
  };
  // Those removed must still hear of it, those added must be in before they do.
  if (removed.length > 0) notify('remove', removed);
  const kept = group.participants.filter(({ pn }) => !removed.includes(pn) && !added.includes(pn));
  const changed: GroupInfo = {
    ...group,
    subject: body.subject ?? group.subject,
    announce: body.announce ?? group.announce,
    participants: [...kept, ...added.map((pn) => ({ pn, admin: false }))],
  };
  network.putGroup(changed);
  if (added.length > 0) notify('add', added);
  if (body.subject !== undefined) notify('subject', [], body.subject);
  return changed;
}

/** Sends many messages. The ids are known at once; the promise resolves when the last was handed in. */
export function startBurst(network: Network, body: Bodies['burst']): { ids: string[]; done: Promise<void> } {
  const senders = body.from.map((name) => network.directory.openAccount(name, {}));
  const to = resolveChat(network, body.to);
  const ids = Array.from({ length: body.count }, newPhoneId);
  const hit = (every: number | undefined, i: number) => every !== undefined && (i + 1) % every === 0;
  const sendOne = (i: number) => {
    const account = senders[i % senders.length];
    const id = ids[i];
    if (!account || id === undefined) return;
    const attrs = { type: 'chat', body: `${body.text ?? 'message'} ${i + 1}` };
    const message = { id, from: account.pn, to, t: Math.floor(Date.now() / 1000), attrs };
    const origin = { account, device: null };
    const isTwice = hit(body.duplicateEvery, i);
    network.carry(origin, message, {
      ...(isTwice && body.duplicateAs === 'event' ? { twice: true } : {}),
      ...(hit(body.ackFirstEvery, i) ? { ackFirst: true } : {}),
    });
    if (isTwice && body.duplicateAs !== 'event') network.carry(origin, message, { redeliver: true });
  };
  return { ids, done: paced(network, body.count, body.rate, sendOne) };
}

/** Calls `work` for 0 to count-1, at most `rate` times a second. */
function paced(
  network: Network,
  count: number,
  rate: number | undefined,
  work: (i: number) => void,
): Promise<void> {
  if (rate === undefined) {
    for (let i = 0; i < count; i += 1) work(i);
    return Promise.resolve();
  }
  const start = performance.now();
  return new Promise((resolve) => {
    let next = 0;
    const step = () => {
      const due = Math.min(count, Math.floor(((performance.now() - start) * rate) / 1000) + 1);
      while (next < due) {
        work(next);
        next += 1;
      }
      if (next < count) network.timers.after(Math.max(1, 1000 / rate), step);
      else resolve();
    };
    step();
  });
}

/** Does something to the open pages, all of them or one phone's. Resolves when they have heard of it. */
export async function actOnPages(
  network: Network,
  pages: PageServer,
  body: Bodies['action'],
): Promise<number> {
  const { phone, ...action } = body;
  if (phone !== undefined) network.directory.getAccount(phone);
  const targets = pages.connections(phone);
  if (targets.length === 0)
    throw new Rejection(409, phone === undefined ? 'no page is open' : `"${phone}" has no open page`);
  for (const target of targets) {
    const { device } = target;
    switch (action.do) {
      case 'drop':
        if (device) {
          device.outageUntil = Date.now() + action.ms;
          device.toggleSync = action.toggleSync ?? false;
        }
        target.close();
        break;
      case 'freeze':
        if (device) device.frozen = true;
        break;
      case 'thaw':
        target.thaw();
        break;
      default:
        await target.act(action);
    }
  }
  return targets.length;
}

/** The user unlinks all companions on the phone. */
export function logoutPhone(network: Network, account: Account, navigate: boolean): number {
  const devices = [...account.devices.values()];
  for (const device of devices) {
    network.removeDevice(device);
    device.line?.send({ type: 'removed', navigate });
  }
  return devices.length;
}
