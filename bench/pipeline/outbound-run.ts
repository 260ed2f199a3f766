import { randomUUID } from 'node:crypto';
import type { WorldClient } from '../../simulator/client.ts';
import { orAborted } from '../../src/lib/abort.ts';
import type { Contender } from './contender.ts';

export interface SendTimes {
  /** From the call until the network has the message; milliseconds. */
  readonly carriedMs: readonly number[];
  /** From the call until its answer; milliseconds. */
  readonly answeredMs: readonly number[];
}

/** Sends one message after another for each account, each once the one before is carried. */
export async function measureSends(
  contender: Contender,
  count: number,
  { world, signal }: { readonly world: WorldClient; readonly signal: AbortSignal },
): Promise<SendTimes> {
  const alice = await world.phone('alice');
  const perAccount = Math.ceil(count / contender.phones.length);
  const mark = randomUUID();
  const calledAt = new Map<string, number>();
  const answeredMs: number[] = [];
  const sendAll = async (account: number) => {
    for (let n = 0; n < perAccount; n += 1) {
      const text = `${mark} ${account} ${n}`;
      const sent = await orAborted(contender.send(account, alice, text), signal);
      await orAborted(world.waitFor({ message: { text } }), signal);
      calledAt.set(text, sent.calledAt);
      answeredMs.push(sent.answeredAt - sent.calledAt);
    }
  };
  await Promise.all(contender.phones.map((_, account) => sendAll(account)));
  const carried = (await world.messages({ phone: alice })).filter(({ text }) => calledAt.has(text));
  if (carried.length !== calledAt.size)
    throw new Error(`${calledAt.size} messages were sent, and the network carried ${carried.length}.`);
  return {
    answeredMs,
    carriedMs: carried.map(({ text, carriedAt }) => carriedAt - (calledAt.get(text) ?? 0)),
  };
}
