/** Random choices that the same seed makes again. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  shuffle<T>(items: readonly T[]): T[];
}

/** A generator of its own for each seed (Mulberry32: 32 bits of state, good enough to choose with). */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    shuffle(items) {
      const left = [...items];
      return items.flatMap(() => left.splice(Math.floor(next() * left.length), 1));
    },
  };
}
