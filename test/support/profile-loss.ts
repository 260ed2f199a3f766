import { rename } from 'node:fs/promises';
import type { ApiMessage, DaemonApi } from '../../scripts/daemon-api.ts';
import type { CarriedMessage, Phone, WorldClient } from '../../simulator/client.ts';
import { compareWithTruth, type JudgedAccount } from './ground-truth.ts';
import type { Instance, InstanceStage } from './instance-stage.ts';
import { bareIdOf } from './message-account.ts';
import { untilFound } from './patient-look.ts';

/** Before a crash a page may have taken for so long what its daemon never heard; milliseconds. */
const UNHEARD_MS = 1_000;

/** When a daemon was killed, and when the last of its browsers was gone; milliseconds since the epoch. */
export interface Crash {
  readonly struckAt: number;
  readonly overAt: number;
}

/** Kills the instance while its pages receive and send, and takes its profiles away before anybody can take them over. */
export async function loseProfiles(
  { world }: InstanceStage,
  instance: Instance,
  { held, peer }: { readonly held: readonly JudgedAccount[]; readonly peer: Phone },
): Promise<Crash> {
  const coming = { from: [peer.name], count: 100, rate: 50, text: 'at the crash ', background: true };
  await Promise.all(held.map(({ phone }) => world.burst({ ...coming, to: phone })));
  const leaving = held.flatMap(({ accountId }) =>
    Array.from({ length: 5 }, (_, n) =>
      instance.api.send(accountId, { to: `+${peer.number}`, text: `leaving at the crash ${n}` }),
    ),
  );
  await Promise.all(leaving);
  const struckAt = Date.now();
  instance.isServing = false;
  await instance.daemon().kill();
  await rename(instance.livePath, `${instance.livePath}-lost`);
  await untilFound('The end of its browsers', async () => instance.browsers().length === 0 || undefined);
  return { struckAt, overAt: Date.now() };
}

/** What differs from the truth after an account was opened from its last copy, and why that may be. */
export interface ProfileLoss {
  /** Received that the page took unheard, by the time at which it did: WhatsApp does not hand it over again. */
  readonly lost: readonly string[];
  /** Sent of which nobody heard what became of it, or only a part. */
  readonly unheard: readonly string[];
  /** Handed over when it was struck, and never carried: it is not known whether it left. */
  readonly unsent: readonly string[];
  /** Everything else, which nothing explains. */
  readonly unexplained: readonly string[];
}

/**
 * Compares an account with the truth after its profile was out of reach at a crash. Resolves once all that differs is what
 * the operators' page says, otherwise with what does not when patience is over.
 */
export async function settleLoss(
  stage: { readonly api: DaemonApi; readonly world: WorldClient },
  account: JudgedAccount,
  crash: Crash,
  patienceMs: number,
): Promise<ProfileLoss> {
  let last: ProfileLoss | undefined;
  const look = async () => {
    last = await findLoss(stage, account, crash);
    return last.unexplained.length === 0 ? last : undefined;
  };
  return await untilFound('What was lost', look, { patienceMs }).catch((thrown: unknown) => {
    if (last === undefined) throw thrown;
    return last;
  });
}

async function findLoss(
  { api, world }: { readonly api: DaemonApi; readonly world: WorldClient },
  account: JudgedAccount,
  crash: Crash,
): Promise<ProfileLoss> {
  const { phone } = account;
  const compared = await compareWithTruth(api, world, account);
  const carried = new Map((await world.messages({ phone })).map((each) => [each.id, each]));
  const stored = Map.groupBy(await api.messages(account.accountId), bareIdOf);
  const sent = [...carried.values()].filter((each) => each.from === phone.number).map(({ text }) => text);
  const sentTwice = sent.filter((text, at) => sent.indexOf(text) !== at);
  // The network drops what it has by that id already; nothing may go by that.
  const handedInTwice = [...carried.values()].filter(
    (each) => each.submissions > 1 && each.carriedAt >= crash.struckAt - UNHEARD_MS,
  );
  const mayBeLost = (id: string) => wasTakenUnheard(carried.get(id), phone, crash);
  const mayBeUnheard = (entry: string) => isBehind(entry) && wasSentUnheard(carried, entry, crash);
  const mayBeUnsent = (id: string) => isInDoubt(stored.get(id)?.[0], crash);
  return {
    lost: compared.lost.filter(mayBeLost),
    unheard: compared.different.filter(mayBeUnheard),
    unsent: compared.invented.filter(mayBeUnsent),
    unexplained: [
      ...compared.lost.filter((id) => !mayBeLost(id)).map((id) => `lost: ${id}`),
      ...compared.different.filter((entry) => !mayBeUnheard(entry)),
      ...compared.invented.filter((id) => !mayBeUnsent(id)).map((id) => `invented: ${id}`),
      ...compared.doubled.map((id) => `doubled: ${id}`),
      ...sentTwice.map((text) => `sent twice: ${text}`),
      ...handedInTwice.map(({ text }) => `handed in twice: ${text}`),
      ...compared.disordered,
      ...compared.split,
    ],
  };
}

function isWithin(at: number, { struckAt, overAt }: Crash): boolean {
  return at >= struckAt - UNHEARD_MS && at <= overAt;
}

function wasTakenUnheard(carried: CarriedMessage | undefined, phone: Phone, crash: Crash): boolean {
  if (carried === undefined || carried.from === phone.number) return false;
  const records = Object.entries(carried.devices).filter(([id]) => id.startsWith(`${phone.number}:`));
  return records.some(([, { receiptedAt }]) => receiptedAt !== null && isWithin(receiptedAt, crash));
}

/** The same in everything but how far it got. */
function isBehind(entry: string): boolean {
  const said = /^\S+: outgoing \w+ (.*) instead of outgoing \w+ (.*)$/s.exec(entry);
  return said !== null && said[1] === said[2];
}

function wasSentUnheard(carried: ReadonlyMap<string, CarriedMessage>, entry: string, crash: Crash): boolean {
  const message = carried.get(entry.slice(0, entry.indexOf(':')));
  return message !== undefined && isWithin(message.carriedAt, crash);
}

function isInDoubt(row: ApiMessage | undefined, { struckAt, overAt }: Crash): boolean {
  if (row === undefined || row.status !== 'unknown' || row.handedAt === null) return false;
  return isWithin(Date.parse(row.handedAt), { struckAt, overAt });
}
