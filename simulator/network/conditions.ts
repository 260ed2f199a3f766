import { z } from 'zod';
import type { Entry } from './ledger.ts';
import type { LinkDesk } from './linking.ts';
import type { Network } from './network.ts';
import { Rejection } from './rejection.ts';

const phone = z.string().min(1);

/** What can be waited for. Each is a state, not an edge: one that holds already is met at once. */
export const conditionSchema = z.union([
  /** Some page shows a QR reference (or a pairing code). */
  z.object({ qr: z.literal(true) }).strict(),
  z.object({ code: z.literal(true) }).strict(),
  /** A device of the phone is linked, connected, through its first sync, in a state; or none is linked any more. */
  z.object({ linked: phone }).strict(),
  z.object({ connected: phone }).strict(),
  z.object({ synced: phone }).strict(),
  z.object({ unlinked: phone }).strict(),
  z.object({ away: phone }).strict(),
  /** A device of the phone acknowledged the "What's new" dialog. */
  z.object({ whatsNewSeen: phone }).strict(),
  z.object({ state: z.string(), phone }).strict(),
  /** At least so many logins of the phone's devices since the beginning. */
  z.object({ logins: z.number().int().min(1), phone }).strict(),
  /** Everything meant for the phone's devices was receipted by them. */
  z.object({ drained: phone }).strict(),
  /** A message was receipted by a device of the phone. */
  z.object({ receipted: z.string(), phone }).strict(),
  /** The ack of a message has come that far. */
  z.object({ ack: z.number().int(), id: z.string() }).strict(),
  /** At least `count` (1) carried messages fit. Phones by name or number. */
  z
    .object({
      message: z
        .object({
          id: z.string().optional(),
          from: phone.optional(),
          to: z.string().optional(),
          text: z.string().optional(),
          type: z.string().optional(),
        })
        .strict(),
      count: z.number().int().min(1).optional(),
    })
    .strict(),
  /** At least so many of the network's refusals, or of one fault's strikes. */
  z.object({ refused: z.number().int().min(1) }).strict(),
  z.object({ fault: z.string(), struck: z.number().int().min(1) }).strict(),
  z.object({ missingModules: z.number().int().min(1) }).strict(),
]);

export type Condition = z.infer<typeof conditionSchema>;
type MessageCondition = Extract<Condition, { message: unknown }>;

/** Tells whether the condition holds at the moment of each call. What was looked at once is not looked at again. */
export function makeLook(network: Network, desk: LinkDesk, condition: Condition): () => boolean {
  if (!('message' in condition)) return () => holds(network, desk, condition);
  const count = makeMessageCount(network, condition.message);
  return () => count() >= (condition.count ?? 1);
}

function holds(network: Network, desk: LinkDesk, condition: Exclude<Condition, MessageCondition>): boolean {
  if ('qr' in condition) return desk.waiting.some(({ ref }) => ref !== null);
  if ('code' in condition) return desk.waiting.some(({ code }) => code !== null);
  if ('linked' in condition) return devicesOf(network, condition.linked).length > 0;
  if ('connected' in condition)
    return devicesOf(network, condition.connected).some(({ state }) => state === 'CONNECTED');
  if ('synced' in condition) return devicesOf(network, condition.synced).some(({ synced }) => synced);
  if ('unlinked' in condition) return devicesOf(network, condition.unlinked).length === 0;
  if ('away' in condition) return devicesOf(network, condition.away).every(({ line }) => line === undefined);
  if ('whatsNewSeen' in condition)
    return devicesOf(network, condition.whatsNewSeen).some((device) => device.whatsNewSeen);
  if ('state' in condition)
    return devicesOf(network, condition.phone).some(({ state }) => state === condition.state);
  if ('logins' in condition) {
    return (
      devicesOf(network, condition.phone).reduce((sum, { logins }) => sum + logins, 0) >= condition.logins
    );
  }
  if ('drained' in condition)
    return devicesOf(network, condition.drained).every(({ queued }) => queued === 0);
  if ('receipted' in condition) {
    const devices = network.ledger.find(condition.receipted)?.carried.devices ?? {};
    return devicesOf(network, condition.phone).some(({ id }) => (devices[id]?.receiptedAt ?? null) !== null);
  }
  if ('ack' in condition) return (network.ledger.find(condition.id)?.carried.ack ?? -1) >= condition.ack;
  if ('refused' in condition) return network.ledger.refused.length >= condition.refused;
  if ('fault' in condition) {
    return network.faults
      .list()
      .some(({ id, struck }) => id === condition.fault && struck >= condition.struck);
  }
  return network.missingModules.size >= condition.missingModules;
}

/** Resolves when the condition holds; rejects with what it waited for when the time is over. */
export function waitFor(
  network: Network,
  desk: LinkDesk,
  condition: Condition,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const isMet = makeLook(network, desk, condition);
    let looking: NodeJS.Immediate | undefined;
    const finish = (settle: () => void) => {
      cancel();
      clearImmediate(looking);
      network.changes.off('changed', wake);
      settle();
    };
    const look = () => {
      looking = undefined;
      try {
        if (isMet()) finish(resolve);
      } catch (error) {
        finish(() => reject(error));
      }
    };
    // Changes come in hundreds; one look for all of a turn is enough.
    const wake = () => {
      looking ??= setImmediate(look);
    };
    const cancel = network.timers.after(timeoutMs, () => {
      const text = `not met within ${timeoutMs} ms: ${JSON.stringify(condition)}`;
      finish(() => reject(new Rejection(408, text)));
    });
    network.changes.on('changed', wake);
    look();
  });
}

/** How many carried messages fit. What is asked of them never changes, so that each is looked at once. */
function makeMessageCount(network: Network, filter: MessageCondition['message']): () => number {
  const from = filter.from === undefined ? undefined : network.directory.getAccount(filter.from).pn;
  const to = filter.to === undefined ? undefined : addressOf(network, filter.to);
  const fits = ({ carried }: Entry) =>
    (filter.id === undefined || carried.id === filter.id) &&
    (from === undefined || carried.from === from) &&
    (to === undefined || ('user' in carried.to ? carried.to.user : carried.to.group) === to) &&
    (filter.text === undefined || carried.text === filter.text) &&
    (filter.type === undefined || carried.type === filter.type);
  let [seen, count] = [0, 0];
  return () => {
    const entries = network.ledger.entries();
    for (; seen < entries.length; seen += 1) {
      const entry = entries[seen];
      if (entry && fits(entry)) count += 1;
    }
    return count;
  };
}

function addressOf(network: Network, to: string): string {
  return network.directory.findGroup(to)?.id ?? network.directory.getAccount(to).pn;
}

function devicesOf(network: Network, name: string) {
  return [...network.directory.getAccount(name).devices.values()];
}
