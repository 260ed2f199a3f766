import type { ApiMessage, DaemonApi } from '../../scripts/daemon-api.ts';
import type { CarriedMessage, Phone, WorldClient } from '../../simulator/client.ts';

/** What the network carried for an account beside what the database has of it. */
export interface Comparison {
  /** Carried, and not in the database. */
  readonly lost: readonly string[];
  /** In the database more than once. */
  readonly doubled: readonly string[];
  /** In the database, and never carried. */
  readonly invented: readonly string[];
  /** In both, with another text, direction or status. */
  readonly different: readonly string[];
  readonly carried: number;
}

/** The status that a message has once everything that the network told has been heard. */
function expectedStatus(carried: CarriedMessage, own: boolean): string {
  if (!own) return 'delivered';
  if (carried.ack < 0) return 'failed';
  return ['pending', 'sent', 'delivered', 'read', 'played'][carried.ack] ?? 'pending';
}

function describe(message: ApiMessage): string {
  return `${message.direction} ${message.status} ${message.text ?? message.caption ?? ''}`;
}

function bareIdOf(message: ApiMessage): string {
  return message.whatsappMessageId?.split('_')[2] ?? `none: ${message.messageId}`;
}

function concerns(carried: CarriedMessage, phone: Phone): boolean {
  return carried.from === phone.number || JSON.stringify(carried.to).includes(`"${phone.number}"`);
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

/** Compares once. */
export async function compareWithTruth(
  api: DaemonApi,
  world: WorldClient,
  { accountId, phone }: { readonly accountId: string; readonly phone: Phone },
): Promise<Comparison> {
  const linked = new Set((await phone.view()).devices.map(({ id }) => id));
  const carried = (await world.truth()).messages.filter((each) => concerns(each, phone));
  const stored = await api.messages(accountId);
  const byId = Map.groupBy(stored, bareIdOf);
  const carriedIds = new Set(carried.map(({ id }) => id));
  const different = carried.flatMap((each) => {
    const row = byId.get(each.id)?.[0];
    if (!row) return [];
    const own = each.from === phone.number;
    const expected = `${own ? 'outgoing' : 'incoming'} ${expectedStatus(each, own)} ${each.text}`;
    if (own && isBehind(row, each, linked)) return [];
    return describe(row) === expected ? [] : [`${each.id}: ${describe(row)} instead of ${expected}`];
  });
  return {
    lost: carried
      .filter((each) => !byId.has(each.id) && (each.from === phone.number || isKnowable(each, linked)))
      .map(({ id }) => id),
    doubled: [...byId].filter(([, rows]) => rows.length > 1).map(([id]) => id),
    invented: [...byId.keys()].filter((id) => !carriedIds.has(id)),
    different,
    carried: carried.length,
  };
}

/** Resolves when the database is equal to the truth; otherwise with what differs when patience is over. */
export async function settleWithTruth(
  api: DaemonApi,
  world: WorldClient,
  account: { readonly accountId: string; readonly phone: Phone },
): Promise<Comparison> {
  let last: Comparison | undefined;
  try {
    return await api.until('Equality with the truth', async () => {
      last = await compareWithTruth(api, world, account);
      return last.lost.length + last.different.length === 0 ? last : undefined;
    });
  } catch (thrown) {
    if (last) return last;
    throw thrown;
  }
}
