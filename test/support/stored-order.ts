import type { CarriedMessage, Phone } from '../../simulator/client.ts';
import type { Executor } from '../../src/db/database.ts';
import { openEmbeddedDatabase } from './embedded-database.ts';
import type { JudgedAccount } from './ground-truth.ts';
import type { Stage } from './stage.ts';

/** How the rows of an account, and the log of what became known, stand to the order in which its page took the messages. */
export interface OrderFound {
  /** Messages that come before one that the page took earlier, by row or by log; as sentences. */
  readonly misplaced: readonly string[];
  /** Messages that were compared. */
  readonly compared: number;
}

/** A message's place among the rows of all, and in its chat's log. */
export interface StoredPlace {
  readonly seq: number;
  readonly chatSeq: number | null;
}

/** Compares once; what was told must be stored by then. */
export async function compareOrder(stage: Stage, { accountId, phone }: JudgedAccount): Promise<OrderFound> {
  const carried = await stage.world.messages({ phone });
  await using opened = openEmbeddedDatabase(stage);
  return judgeOrder(carried, await listPlaces(opened.db, accountId), phone);
}

/**
 * What was received, and what was written on the phone itself: chat by chat, device by device. What came late is left out:
 * told live it stands where the page took it, read back where its time puts it. So is what several devices of the phone took,
 * for nothing says which of them told it. Of all others the page's place is the order, whichever way they came.
 */
export function judgeOrder(
  carried: readonly CarriedMessage[],
  places: ReadonlyMap<string, StoredPlace>,
  phone: Pick<Phone, 'number'>,
): OrderFound {
  const taken = carried.flatMap((message) => {
    const stored = places.get(message.id);
    const receipts = Object.entries(message.devices).flatMap(([device, { place }]) =>
      device.startsWith(`${phone.number}:`) && place !== undefined ? [{ device, place }] : [],
    );
    const [receipt] = receipts;
    if (stored === undefined || receipt === undefined || receipts.length > 1) return [];
    const { id, t, to, from } = message;
    const partner = from === phone.number && 'user' in to ? to.user : from;
    return [{ id, t, ...receipt, ...stored, chat: 'group' in to ? to.group : partner }];
  });
  const chains = [...Map.groupBy(taken, ({ chat, device }) => `${chat} on ${device}`)].map(
    ([name, list]) => [name, withoutLate(list)] as const,
  );
  return {
    misplaced: chains.flatMap(([name, chain]) => [
      ...findInversion(`${name}, by row`, chain, ({ seq }) => seq),
      ...findInversion(`${name}, by log`, chain, ({ chatSeq }) => chatSeq),
    ]),
    compared: chains.reduce((sum, [, chain]) => sum + chain.length, 0),
  };
}

interface Taken extends StoredPlace {
  readonly id: string;
  readonly t: number;
  readonly place: number;
}

/** In the page's order, without those that are older than one which the page took before them. */
function withoutLate<T extends Taken>(taken: readonly T[]): T[] {
  let latest = 0;
  return taken
    .toSorted((a, b) => a.place - b.place)
    .filter(({ t }) => {
      const isLate = t < latest;
      latest = Math.max(latest, t);
      return !isLate;
    });
}

/** The first one that stands before its predecessor, if there is one. */
function findInversion(
  name: string,
  chain: readonly Taken[],
  placeOf: (each: Taken) => number | null,
): string[] {
  let before: { readonly id: string; readonly at: number } | undefined;
  for (const each of chain) {
    const at = placeOf(each);
    if (at === null) continue;
    if (before !== undefined && at < before.at)
      return [`${name}: ${each.id} at ${at} before ${before.id} at ${before.at}`];
    before = { id: each.id, at };
  }
  return [];
}

/** By the network's id. */
async function listPlaces(db: Executor, accountId: string): Promise<Map<string, StoredPlace>> {
  const rows = await db
    .selectFrom('messages as m')
    .leftJoin('message_changes as c', (join) =>
      join
        .onRef('c.account_id', '=', 'm.account_id')
        .onRef('c.message_id', '=', 'm.id')
        .on('c.kind', '=', 'message'),
    )
    .select(['m.bare_id', 'm.seq', 'c.chat_seq'])
    .where('m.account_id', '=', accountId as never)
    .execute();
  return new Map(
    rows.flatMap(({ bare_id: id, seq, chat_seq: chatSeq }) =>
      id === null
        ? []
        : [[id, { seq: Number(seq), chatSeq: chatSeq === null ? null : Number(chatSeq) }] as const],
    ),
  );
}
