import type { LinkedDevice } from './network/device.ts';
import type { LinkDesk, WaitingPage } from './network/linking.ts';
import { editMessage, reactTo, revokeMessage, voteOn } from './network/message-changes.ts';
import type { Network } from './network/network.ts';
import { Rejection } from './network/rejection.ts';
import type { ChatRef, Json } from './protocol.ts';

type Context = {
  readonly network: Network;
  readonly desk: LinkDesk;
  readonly device: LinkedDevice | undefined;
  readonly waiting: WaitingPage | undefined;
};

/** Answers a page's question; undefined leaves it without an answer. */
export function answerQuery(context: Context, op: string, args: Record<string, Json>): Json | undefined {
  const { network, desk, device, waiting } = context;
  if (op === 'alt-link') {
    if (!waiting) throw new Rejection(409, 'this page is linked already');
    return desk.requestCode(waiting, String(args.phoneNumber));
  }
  if (!device) throw new Rejection(401, 'not logged in');
  const origin = { account: device.account, device };
  switch (op) {
    case 'exists':
      return exists(network, device, String(args.pn));
    case 'group': {
      const group = network.directory.findGroup(String(args.id));
      return group ? ({ group, peers: network.directory.peersOfGroups([group]) } as unknown as Json) : null;
    }
    case 'read':
      return network.read(device.account, args.chat as ChatRef, device);
    case 'edit':
      editMessage(network, origin, String(args.id), String(args.text));
      return true;
    case 'revoke':
      revokeMessage(network, origin, String(args.id));
      return true;
    case 'react':
      reactTo(network, origin, {
        id: String(args.id),
        target: String(args.target),
        emoji: String(args.emoji),
      });
      return true;
    case 'vote':
      voteOn(network, origin, {
        id: String(args.id),
        target: String(args.target),
        options: args.options as number[],
      });
      return true;
    case 'message-info':
      return messageInfo(network, String(args.id));
    case 'echo':
      return true;
    case 'limits':
      return device.account.limits.view(Date.now()) as unknown as Json;
    case 'pushname':
      device.account.pushname = String(args.name);
      return true;
    case 'whats-new-seen':
      device.whatsNewSeen = true;
      network.changed();
      return true;
    case 'logout':
      network.removeDevice(device);
      return true;
    default:
      throw new Rejection(400, `unknown query ${op}`);
  }
}

function exists(network: Network, device: LinkedDevice, pn: string): Json | undefined {
  const fault = network.faults.take('lookup', device.account.name, (spec) =>
    ['fail', 'hang', 'unregistered'].includes(spec.mode),
  );
  if (fault?.mode === 'hang') return undefined;
  if (fault?.mode === 'fail') throw new Rejection(500, 'lookup failed');
  const account = fault?.mode === 'unregistered' ? undefined : network.directory.findByPn(pn);
  return account ? { lid: account.lid, pushname: account.pushname } : null;
}

function messageInfo(network: Network, id: string): Json {
  const entry = network.ledger.find(id);
  if (!entry) return null;
  const receivers = network.directory.receivers(entry.message).length;
  const list = (times: Record<string, number>) =>
    Object.entries(times).map(([pn, at]) => ({ id: `${pn}@c.us`, t: Math.floor(at / 1000) }));
  const { deliveredTo, readBy, playedBy } = entry.carried;
  return {
    delivery: list(deliveredTo),
    deliveryRemaining: receivers - Object.keys(deliveredTo).length,
    read: list(readBy),
    readRemaining: receivers - Object.keys(readBy).length,
    played: list(playedBy),
    playedRemaining: receivers - Object.keys(playedBy).length,
  };
}
