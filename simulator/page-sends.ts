import type { Account } from './network/account.ts';
import type { LinkedDevice } from './network/device.ts';
import { tellLimits } from './network/limit-news.ts';
import type { Network } from './network/network.ts';
import type { PageFrame, SendResult, WireMessage } from './protocol.ts';

type SendFrame = Extract<PageFrame, { type: 'send' }>;
type Answer = (result: SendResult) => void;

/** WhatsApp's error for a message to a stranger from an account that may not write to strangers now. */
const RESTRICTED = 463;
const NOT_ALLOWED = 403;
const NO_RECEIVER = 404;

/** A page hands in a message: it is carried and answered, or what the faults have in store for it. */
export function takeSend(network: Network, device: LinkedDevice, frame: SendFrame, answer: Answer): void {
  const { message, step } = frame;
  const { account } = device;
  const isStruck = (mode: string, newChatsOnly: boolean | undefined) =>
    ['fail', 'drop', 'noack'].includes(mode) && (!newChatsOnly || !hasHeardFrom(network, account, message));
  const fault = network.faults.take('send', account.name, (spec) => isStruck(spec.mode, spec.newChatsOnly));
  if (fault?.mode === 'drop') return;
  const error = fault?.mode === 'fail' ? (fault.error ?? 500) : errorOf(network, account, message);
  if (error !== undefined) {
    network.ledger.refused.push({ id: message.id, from: message.from, error, at: Date.now() });
    answer({ ok: false, error });
    network.changed();
    return;
  }
  device.ratchet.send(step);
  const startsChat = isFirstContact(network, account, message);
  network.carry({ account, device }, message);
  if (startsChat && account.limits.countNewChat()) tellLimits(network, account);
  if (fault?.mode !== 'noack') acknowledge(network, account, message, answer);
}

/** Why the network would not take the message from this account even on a good day. */
function errorOf(network: Network, account: Account, message: WireMessage): number | undefined {
  if (message.from !== account.pn) return NOT_ALLOWED;
  const isToSelf = 'user' in message.to && message.to.user === account.pn;
  if (isRefusedStranger(network, account, message)) return RESTRICTED;
  const hasReceiver = isToSelf || network.directory.receivers(message).length > 0;
  return hasReceiver || network.ledger.find(message.id) ? undefined : NO_RECEIVER;
}

/** The network's own ack (level 1), which the ack faults touch like any other. */
function acknowledge(network: Network, account: Account, message: WireMessage, answer: Answer): void {
  const fault = network.faults.take('ack', account.name, (spec) => spec.levels?.includes(1) ?? true);
  const taken = () => answer({ ok: true, t: message.t });
  if (fault?.mode === 'negative') answer({ ok: false, error: fault.error ?? 500 });
  else if (fault?.mode === 'delay') network.timers.after(fault.delayMs ?? 1000, taken);
  else if (fault?.mode !== 'drop') taken();
}

function isRefusedStranger(network: Network, account: Account, message: WireMessage): boolean {
  const isKnown = network.ledger.find(message.id) !== undefined || hasHeardFrom(network, account, message);
  const isToSelf = 'user' in message.to && message.to.user === account.pn;
  return !isKnown && !isToSelf && account.limits.forbidsStrangers(Date.now());
}

/** Neither has written to the other before. */
function isFirstContact(network: Network, account: Account, message: WireMessage): boolean {
  if ('group' in message.to || message.to.user === account.pn) return false;
  return !hasHeardFrom(network, account, message) && !network.ledger.hasWritten(account.pn, message.to.user);
}

function hasHeardFrom(network: Network, account: Account, message: WireMessage): boolean {
  return 'group' in message.to || network.ledger.hasWritten(message.to.user, account.pn);
}
