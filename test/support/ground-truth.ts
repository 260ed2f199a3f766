import { setTimeout as delay } from 'node:timers/promises';
import type { ApiMessage, DaemonApi } from '../../scripts/daemon-api.ts';
import type { CarriedMessage, Phone, WorldClient } from '../../simulator/client.ts';
import { bareIdOf, describeCarried, describeStored, FileHashes } from './message-account.ts';

/** What the network carried for an account beside what the database has of it. */
export interface Comparison {
  /** Carried, and not in the database. */
  readonly lost: readonly string[];
  /** In the database more than once. */
  readonly doubled: readonly string[];
  /** In the database, and never carried; what failed is not expected to have been, nor what was cut short. */
  readonly invented: readonly string[];
  /** `unknown` and never carried: the last that a page was given before its link was ended, which it may have sent. */
  readonly cutShort: readonly string[];
  /** In both, with another text, file, answered message, reaction, direction, status or deletion. */
  readonly different: readonly string[];
  /** Chats that are listed in another order than the page, or for outgoing ones the network, had them in. */
  readonly disordered: readonly string[];
  /** Chats whose messages lie under more than one chat id. */
  readonly split: readonly string[];
  readonly carried: number;
}

/** A comparison without a fault; `carried` is any number. */
export const EQUAL_TO_TRUTH = {
  lost: [],
  doubled: [],
  invented: [],
  cutShort: [],
  different: [],
  disordered: [],
  split: [],
} as const;

export interface JudgedAccount {
  readonly accountId: string;
  readonly phone: Phone;
  /** When it was seen that its phone had ended a link; none if it is not given. */
  readonly logouts?: readonly Date[];
}

/** How long a daemon may take to have everything that the network told. */
const PATIENCE_MS = 90_000;
/** Between two comparisons: the first, and the longest. */
const LOOK_AGAIN_MS = [100, 3_000] as const;

/** What a group's notice is to the page; the database need not have it. */
const NOTICE = 'gp2';

/** Compares once. */
export async function compareWithTruth(
  api: DaemonApi,
  world: WorldClient,
  { accountId, phone, logouts = [] }: JudgedAccount,
  files = new FileHashes(api),
): Promise<Comparison> {
  const linked = new Set((await phone.view()).devices.map(({ id }) => id));
  const carried = await world.messages({ phone });
  const stored = (await api.messages(accountId)).toReversed();
  const byId = Map.groupBy(stored, bareIdOf);
  const carriedIds = new Set(carried.map(({ id }) => id));
  const isMissing = (each: CarriedMessage) =>
    !byId.has(each.id) && each.type !== NOTICE && (each.from === phone.number || isKnowable(each, linked));
  const chats = Map.groupBy(carried, (each) => chatOf(each, phone));
  const cutShort = [...new Set(logouts.flatMap((until) => findCutShort(stored, carriedIds, until)))];
  const mayBeMissing = (id: string, rows: readonly ApiMessage[]) =>
    carriedIds.has(id) || hasFailed(rows) || cutShort.includes(id);
  await files.read(stored);
  const view = { phone, linked, byId, files };
  return {
    lost: carried.filter(isMissing).map(({ id }) => id),
    doubled: [...byId].filter(([, rows]) => rows.length > 1).map(([id]) => id),
    invented: [...byId].flatMap(([id, rows]) => (mayBeMissing(id, rows) ? [] : [id])),
    cutShort,
    different: carried.flatMap((each) => findDifference(each, byId.get(each.id)?.[0], view)),
    disordered: [...chats].flatMap(([chat, list]) => findDisorder(chat, list, stored, phone)),
    split: [...chats].flatMap(([chat, list]) => findSplit(chat, list, byId)),
    carried: carried.length,
  };
}

/** Resolves when the database is equal to the truth; otherwise with what differs when patience is over. */
export async function settleWithTruth(
  api: DaemonApi,
  world: WorldClient,
  account: JudgedAccount,
  { patienceMs = PATIENCE_MS }: { readonly patienceMs?: number } = {},
): Promise<Comparison> {
  const deadline = performance.now() + patienceMs;
  const files = new FileHashes(api);
  for (let pauseMs: number = LOOK_AGAIN_MS[0]; ; pauseMs = Math.min(pauseMs * 2, LOOK_AGAIN_MS[1])) {
    const found = await compareWithTruth(api, world, account, files);
    // What waits to be sent has not been carried yet. What came in a wrong order does not mend by waiting.
    const isSettled = found.lost.length + found.different.length + found.invented.length === 0;
    if (isSettled || performance.now() > deadline) return found;
    await delay(pauseMs);
  }
}

interface View {
  readonly phone: Phone;
  /** The phone's devices of now. */
  readonly linked: ReadonlySet<string>;
  readonly byId: ReadonlyMap<string, readonly ApiMessage[]>;
  readonly files: FileHashes;
}

function findDifference(
  carried: CarriedMessage,
  row: ApiMessage | undefined,
  { phone, linked, byId, files }: View,
): string[] {
  if (!row) return [];
  const own = carried.from === phone.number;
  if (own && isBehind(row, carried, linked)) return [];
  const expected = describeCarried(carried, {
    own,
    quotedAs: (id) => byId.get(id)?.[0]?.messageId ?? id,
  });
  const found = describeStored(row, files);
  return found === expected ? [] : [`${carried.id}: ${found} instead of ${expected}`];
}

/** Incoming ones as the page took them, outgoing ones as the network did: whatever comes first in one must in the other. */
function findDisorder(
  chat: string,
  carried: readonly CarriedMessage[],
  stored: readonly ApiMessage[],
  phone: Phone,
): string[] {
  const ways = Map.groupBy(carried, (each) => wayOf(each, phone));
  return [...ways].flatMap(([way, list]) => {
    const ids = new Set(list.map(({ id }) => id));
    const found = stored.map(bareIdOf).filter((id) => ids.has(id));
    const there = new Set(found);
    const wanted = list
      .toSorted((a, b) => placeOf(a, way, phone) - placeOf(b, way, phone))
      .map(({ id }) => id)
      .filter((id) => there.has(id));
    const at = wanted.findIndex((id, index) => id !== found[index]);
    return at === -1
      ? []
      : [`${way} ${chat}, at ${at} of ${wanted.length}: ${found[at]} instead of ${wanted[at]}`];
  });
}

/** `sent` by a linked device, `written` on the phone itself, or `received`. */
function wayOf(carried: CarriedMessage, phone: Phone): 'sent' | 'written' | 'received' {
  if (carried.from !== phone.number) return 'received';
  return carried.device === null ? 'written' : 'sent';
}

/** Times have one-second grain; within a second it is the page's order that counts. */
function placeOf(carried: CarriedMessage, way: ReturnType<typeof wayOf>, phone: Phone): number {
  if (way === 'sent') return carried.seq;
  const places = Object.entries(carried.devices).flatMap(([device, { place }]) =>
    device.startsWith(`${phone.number}:`) && place !== undefined ? [place] : [],
  );
  return carried.t * 1e9 + Math.min(...places, 1e9);
}

function findSplit(
  chat: string,
  carried: readonly CarriedMessage[],
  byId: ReadonlyMap<string, readonly ApiMessage[]>,
): string[] {
  const chatIds = new Set(carried.flatMap(({ id }) => byId.get(id)?.map(({ chatId }) => chatId) ?? []));
  return chatIds.size > 1 ? [`${chat}: ${[...chatIds].join(', ')}`] : [];
}

function chatOf({ from, to }: CarriedMessage, phone: Phone): string {
  if ('group' in to) return to.group;
  return from === phone.number ? to.user : from;
}

/** Of each chat the last ones that were handed over by then, as far back as none was carried and each is said to be unknowable. */
function findCutShort(stored: readonly ApiMessage[], carriedIds: ReadonlySet<string>, until: Date): string[] {
  const handed = stored
    .filter(({ handedAt }) => handedAt !== null && new Date(handedAt) <= until)
    .toSorted((a, b) => (b.handedAt ?? '').localeCompare(a.handedAt ?? ''));
  return [...Map.groupBy(handed, ({ chatId }) => chatId).values()].flatMap((rows) => {
    const first = rows.findIndex((row) => !isUnknowable(row) || carriedIds.has(bareIdOf(row)));
    return rows.slice(0, first === -1 ? rows.length : first).map(bareIdOf);
  });
}

function isUnknowable({ status, failedReason }: ApiMessage): boolean {
  return status === 'unknown' && failedReason?.startsWith('SEND_OUTCOME_UNKNOWN') === true;
}

function hasFailed(rows: readonly ApiMessage[]): boolean {
  return rows.every(({ status }) => status === 'failed');
}

/** Whether a linked device was ever told of it, or will be; what only devices missed that were unlinked is the phone's. */
function isKnowable(carried: CarriedMessage, linked: ReadonlySet<string>): boolean {
  const devices = Object.entries(carried.devices);
  return devices.some(([id, { receiptedAt }]) => receiptedAt !== null || linked.has(id));
}

/** Acks go to the device that sent the message: once that is unlinked, nobody here hears of them. */
function isBehind(row: ApiMessage, carried: CarriedMessage, linked: ReadonlySet<string>): boolean {
  return carried.device !== null && !linked.has(carried.device) && ['pending', 'sent'].includes(row.status);
}
