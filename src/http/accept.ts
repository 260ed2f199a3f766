/**
 * The type of `offered` that an Accept header likes best; the first one if it likes none, or all alike. `offered`
 * is in the order of our own preference.
 */
export function chooseType<Type extends string>(
  accept: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type {
  const wishes = (accept ?? '*/*').split(',').map(parseWish);
  let best = { type: offered[0], quality: 0, precision: 0 };
  for (const type of offered) {
    for (const wish of wishes) {
      const precision = precisionOf(wish.range, type);
      if (precision === 0 || wish.quality === 0) continue;
      const better =
        wish.quality > best.quality || (wish.quality === best.quality && precision > best.precision);
      if (better) best = { type, quality: wish.quality, precision };
    }
  }
  return best.type;
}

function parseWish(text: string): { range: string; quality: number } {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return { range, quality: Number.isFinite(quality) ? quality : 0 };
}

/** 3 for the type itself, 2 for `image/*`, 1 for anything, 0 if the range does not hold the type. */
function precisionOf(range: string, type: string): number {
  if (range === type) return 3;
  if (range === `${type.split('/', 1)[0]}/*`) return 2;
  return range === '*/*' ? 1 : 0;
}
