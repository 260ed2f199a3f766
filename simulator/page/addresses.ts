import type { ChatRef, Peer } from '../protocol.ts';
import { dialect } from './dialect.ts';
import { createWid, Wid } from './wid.ts';

const byPn = new Map<string, Peer>();
const pnByLid = new Map<string, string>();
/** Those whose number the page was not told: it knows them by their LID alone. */
const hidden = new Set<string>();
let own: Peer | undefined;

/** Remembers which LID belongs to which number. */
export function learnPeers(peers: readonly Peer[]): void {
  for (const peer of peers) {
    byPn.set(peer.pn, peer);
    pnByLid.set(peer.lid, peer.pn);
  }
}

export function hideNumber(pn: string): void {
  hidden.add(pn);
}

/** False if it was known all the time. */
export function revealNumber(pn: string): boolean {
  return hidden.delete(pn);
}

export function hiddenNumbers(): string[] {
  return [...hidden];
}

export function isNumberHidden(pn: string): boolean {
  return hidden.has(pn);
}

export function setMe(peer: Peer | undefined): void {
  own = peer;
  if (peer) learnPeers([peer]);
}

export function getMe(): Peer | undefined {
  return own;
}

export function findPeer(pn: string): Peer | undefined {
  return byPn.get(pn);
}

export function pnWid(pn: string): Wid {
  return new Wid(pn, 'c.us');
}

export function lidWid(pn: string): Wid | undefined {
  const lid = byPn.get(pn)?.lid;
  return lid === undefined ? undefined : new Wid(lid, 'lid');
}

/** The address by which this page calls the user: its LID, if that is the dialect and it is known. */
export function userWid(pn: string): Wid {
  return (dialect.addresses === 'lid' ? lidWid(pn) : undefined) ?? pnWid(pn);
}

/** Whom an address means, whether or not the page was told the number. */
export function findPn(input: unknown): string | undefined {
  const wid = createWid(input);
  if (wid.server === 'lid') return pnByLid.get(wid.user);
  return wid.server === 'c.us' ? wid.user : undefined;
}

/** The number behind an address, if the page was told it. */
export function toPn(input: unknown): Wid | undefined {
  const pn = findPn(input);
  return pn === undefined || hidesNumber(input, pn) ? undefined : pnWid(pn);
}

export function toLid(input: unknown): Wid | undefined {
  const pn = findPn(input);
  return pn === undefined || (hidden.has(pn) && !isLid(input)) ? undefined : lidWid(pn);
}

/** Whether it is an address by LID whose number the page was not told. */
function hidesNumber(input: unknown, pn: string): boolean {
  return hidden.has(pn) && isLid(input);
}

function isLid(input: unknown): boolean {
  return createWid(input).server === 'lid';
}

/** The other address of the same user. */
export function alternateWid(input: unknown): Wid | undefined {
  return createWid(input).server === 'lid' ? toPn(input) : toLid(input);
}

export function chatWid(ref: ChatRef): Wid {
  return 'user' in ref ? userWid(ref.user) : new Wid(ref.group, 'g.us');
}

/** The neutral address of a chat; throws where a LID was never resolved, as the page does. */
export function chatRef(input: unknown): ChatRef {
  const wid = createWid(input);
  if (wid.isGroup()) return { group: wid.user };
  const pn = findPn(wid);
  if (pn === undefined) throw new Error(`no chat for ${wid._serialized}`);
  return { user: pn };
}
