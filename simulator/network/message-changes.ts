import { randomBytes } from 'node:crypto';
import type { WireMessage } from '../protocol.ts';
import type { CarriedMessage } from './ledger.ts';
import type { Network, Origin } from './network.ts';
import { Rejection } from './rejection.ts';

/** An id as phones make them: 32 hex digits. */
export function newPhoneId(): string {
  return randomBytes(16).toString('hex').toUpperCase();
}

export function editMessage(network: Network, origin: Origin, id: string, text: string): void {
  const { message, carried } = ownMessage(network, origin, id, 'edit');
  carried.edits.push(text);
  network.spread(origin, message, { kind: 'edit', id, by: origin.account.pn, text, t: Date.now() });
}

export function revokeMessage(network: Network, origin: Origin, id: string): void {
  const { message, carried } = ownMessage(network, origin, id, 'revoke');
  carried.revoked = true;
  network.spread(origin, message, { kind: 'revoke', id, by: origin.account.pn, t: Date.now() });
}

/** An empty emoji takes the reaction back. */
export function reactTo(
  network: Network,
  origin: Origin,
  reaction: { id?: string; target: string; emoji: string },
): string {
  const { message, carried } = getEntry(network, reaction.target);
  const from = origin.account.peer;
  const id = reaction.id ?? newPhoneId();
  if (reaction.emoji === '') delete carried.reactions[from.pn];
  else carried.reactions[from.pn] = reaction.emoji;
  const t = Math.floor(Date.now() / 1000);
  network.spread(origin, message, {
    kind: 'reaction',
    id,
    target: reaction.target,
    from,
    emoji: reaction.emoji,
    t,
  });
  return id;
}

export function voteOn(
  network: Network,
  origin: Origin,
  vote: { id?: string; target: string; options: readonly number[] },
): string {
  const { message, carried } = getEntry(network, vote.target);
  if (carried.type !== 'poll_creation') throw new Rejection(409, `message ${vote.target} is no poll`);
  const from = origin.account.peer;
  const id = vote.id ?? newPhoneId();
  carried.votes[from.pn] = vote.options;
  const t = Math.floor(Date.now() / 1000);
  network.spread(origin, message, { kind: 'vote', id, target: vote.target, from, options: vote.options, t });
  return id;
}

function ownMessage(
  network: Network,
  origin: Origin,
  id: string,
  what: string,
): { message: WireMessage; carried: CarriedMessage } {
  const entry = getEntry(network, id);
  if (entry.message.from !== origin.account.pn) {
    throw new Rejection(409, `"${origin.account.name}" cannot ${what} a message of ${entry.message.from}`);
  }
  return entry;
}

function getEntry(network: Network, id: string): { message: WireMessage; carried: CarriedMessage } {
  const entry = network.ledger.find(id);
  if (!entry) throw new Rejection(404, `the network never carried a message ${id}`);
  return entry;
}
