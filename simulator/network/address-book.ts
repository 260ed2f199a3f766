import type { Account } from './account.ts';
import type { LinkedDevice } from './device.ts';
import type { Network } from './network.ts';

/** The phone's user writes a name beside a number, or (null) strikes it out; all linked devices hear of it. */
export function saveContact(network: Network, account: Account, other: Account, name: string | null): void {
  if (name === null) account.book.delete(other.pn);
  else account.book.set(other.pn, name);
  for (const device of account.devices.values()) device.enqueue({ kind: 'contact', peer: other.peer, name });
  network.changed();
}

/** A device that has just been linked learns the whole book. */
export function giveBook(network: Network, device: LinkedDevice): void {
  for (const [pn, name] of device.account.book) {
    const peer = network.directory.findByPn(pn)?.peer;
    if (peer) device.enqueue({ kind: 'contact', peer, name });
  }
}
