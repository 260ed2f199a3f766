import type { Random } from './random.ts';

/** A kind of fault as far as the plan is concerned. */
interface Plannable {
  readonly name: string;
  /** Whom it strikes: one session alone, or the whole daemon. */
  readonly scope: 'one' | 'all';
}

/** One fault on one account; the account of a fault that strikes all is the one that is looked at most closely. */
export interface Strike<K extends Plannable> {
  readonly kind: K;
  /** Which account, counted from 0. */
  readonly account: number;
}

/** Faults that strike at the same time, each another account. */
export type Wave<K extends Plannable> = readonly Strike<K>[];

/** Sessions that are struck at the same time at most; the others are watched for effects. */
const TOGETHER = 2;

/**
 * An order of faults, drawn by `random`: every kind `times` times, each account struck about as often as any other,
 * what strikes all alone in its wave.
 */
export function makePlan<K extends Plannable>(
  kinds: readonly K[],
  { times, accounts, random }: { readonly times: number; readonly accounts: number; readonly random: Random },
): readonly Wave<K>[] {
  const everyone = Array.from({ length: accounts }, (_, n) => n);
  let queue: number[] = [];
  const nextAccount = (except: readonly number[]): number => {
    if (!queue.some((n) => !except.includes(n))) queue = [...queue, ...random.shuffle(everyone)];
    const at = queue.findIndex((n) => !except.includes(n));
    return queue.splice(at, 1)[0] ?? 0;
  };
  const waves: Strike<K>[][] = [];
  for (let round = 0; round < times; round += 1) {
    let open: Strike<K>[] | undefined;
    for (const kind of random.shuffle(kinds)) {
      if (kind.scope === 'one' && open !== undefined && open.length < TOGETHER) {
        open.push({ kind, account: nextAccount(open.map(({ account }) => account)) });
        continue;
      }
      const wave = [{ kind, account: nextAccount([]) }];
      waves.push(wave);
      if (kind.scope === 'one') open = wave;
    }
  }
  return waves;
}
