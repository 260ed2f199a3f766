/**
 * The type of `offered` that an Accept header likes best; the first one if it likes none, or all alike. `offered`
 * is in the order of our own preference. Of the ranges that hold a type, the closest one tells its quality.
 */
export function chooseType<Type extends string>(
  accept: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type {
  const wishes = (accept ?? '*/*').split(',').map(parseWish);
  let best = { type: offered[0], quality: 0, precision: 0 };
  for (const type of offered) {
    const { quality, precision } = judge(type, wishes);
    if (quality > best.quality || (quality === best.quality && precision > best.precision && quality > 0)) {
      best = { type, quality, precision };
    }
  }
  return best.type;
}

interface Wish {
  readonly range: string;
  readonly quality: number;
}

function parseWish(text: string): Wish {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return { range, quality: Number.isFinite(quality) ? quality : 0 };
}

function judge(type: string, wishes: readonly Wish[]): { quality: number; precision: number } {
  let closest = { quality: 0, precision: 0 };
  for (const { range, quality } of wishes) {
    const precision = precisionOf(range, type);
    if (precision > closest.precision) closest = { quality, precision };
  }
  return closest;
}

/** 3 for the type itself, 2 for `image/*`, 1 for anything, 0 if the range does not hold the type. */
function precisionOf(range: string, type: string): number {
  if (range === type) return 3;
  if (range === `${type.split('/', 1)[0]}/*`) return 2;
  return range === '*/*' ? 1 : 0;
}
