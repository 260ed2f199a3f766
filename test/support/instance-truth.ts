import type { CarriedMessage } from '../../simulator/client.ts';
import { type Comparison, compareWithTruth, type JudgedAccount } from './ground-truth.ts';
import type { InstanceStage } from './instance-stage.ts';
import { untilFound } from './patient-look.ts';

/** A time in which pages of these accounts may have taken messages of which nobody hears; milliseconds of the epoch. */
export interface DeafTime {
  readonly accountIds: readonly string[];
  readonly from: number;
  readonly to: number;
}

/** What became of an account's messages. */
export interface Judgement extends Comparison {
  /** Texts that were accepted, in the order in which the network carried them. */
  readonly sent: readonly string[];
  /** Texts of which nobody can know whether they left: the page that had them is gone. */
  readonly unknown: readonly string[];
  /** Texts that a page took in a deaf time: they are lost with it, and no more are. */
  readonly deaf: readonly string[];
}

/** Outgoing ones whose acks only the page heard that sent them, if any did. */
const BEHIND = /: outgoing (?:unknown|sent|delivered) (.*) instead of outgoing (?:sent|delivered|read) \1$/;

/** How long it may take: a message of which nothing is known keeps its chat waiting for a minute. */
const PATIENCE_MS = 240_000;

/** Resolves when nothing of the account is under way any more, with what became of all. */
export async function judgeAccount(
  stage: InstanceStage,
  account: JudgedAccount,
  deafTimes: readonly DeafTime[],
): Promise<Judgement> {
  let latest: Judgement | undefined;
  const look = async () => {
    const stored = await stage.api.messages(account.accountId);
    const carried = await stage.world.messages({ phone: account.phone });
    const found = await compareWithTruth(stage.api, stage.world, account);
    const unknown = stored.filter(({ status }) => status === 'unknown').map(({ text }) => text ?? '');
    const unsettled = stored.filter(({ status }) => status === 'pending');
    const isDeaf = (id: string) =>
      wasTakenIn(
        deafTimes,
        account,
        carried.find((each) => each.id === id),
      );
    const textOf = (id: string) => carried.find((each) => each.id === id)?.text ?? id;
    latest = {
      ...found,
      lost: found.lost.filter((id) => !isDeaf(id)),
      different: found.different.filter((text) => !BEHIND.test(text)),
      invented: found.invented.filter(
        (id) =>
          !stored.some(
            ({ status, whatsappMessageId }) => status === 'unknown' && whatsappMessageId?.includes(id),
          ),
      ),
      sent: carried.filter(({ from }) => from === account.phone.number).map(({ text }) => text),
      deaf: found.lost.filter(isDeaf).map(textOf),
      unknown,
    };
    const { lost, different, invented } = latest;
    return unsettled.length + lost.length + different.length + invented.length === 0 ? latest : undefined;
  };
  try {
    return await untilFound('What became of every message', look, { patienceMs: PATIENCE_MS });
  } catch (thrown) {
    if (latest === undefined) throw thrown;
    return latest;
  }
}

function wasTakenIn(
  deafTimes: readonly DeafTime[],
  { accountId, phone }: JudgedAccount,
  carried: CarriedMessage | undefined,
): boolean {
  const receipts = Object.entries(carried?.devices ?? {}).flatMap(([device, { receiptedAt }]) =>
    device.startsWith(`${phone.number}:`) && receiptedAt !== null ? [receiptedAt] : [],
  );
  return receipts.some((at) =>
    deafTimes.some(({ accountIds, from, to }) => accountIds.includes(accountId) && from <= at && at <= to),
  );
}
