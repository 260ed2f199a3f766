import fc, { type Arbitrary } from 'fast-check';
import { hostileValue, strangeName } from './hostile-value.ts';

type Change = (holder: Record<string, unknown>, name: string) => void;

/** Turns a JSON value into another: a field is replaced, removed, added or doubled under another name. */
export const jsonMutation: Arbitrary<(value: unknown) => unknown> = fc
  .tuple(
    fc.nat(),
    fc.oneof(
      hostileValue.map(
        (value): Change =>
          (holder, name) =>
            define(holder, name, value),
      ),
      fc.constant<Change>((holder, name) => void delete holder[name]),
      fc.tuple(strangeName, hostileValue).map(
        ([added, value]): Change =>
          (holder) =>
            define(holder, added, value),
      ),
      strangeName.map(
        (other): Change =>
          (holder, name) =>
            define(holder, other, holder[name]),
      ),
    ),
  )
  .map(
    ([pick, change]) =>
      (value) =>
        changeOne(value, { pick, change }),
  );

/** The value as JSON, with another text of JSON in one place, chosen by number. */
export function plantJson(value: unknown, pick: number, planted: string): string {
  const mark = crypto.randomUUID();
  const marked = changeOne(value, { pick, change: (holder, name) => define(holder, name, mark) });
  return JSON.stringify(marked).replace(`"${mark}"`, () => planted);
}

/** A copy in which one place, chosen by number, is changed; the value as a whole is one of the places. */
function changeOne(
  value: unknown,
  { pick, change }: { readonly pick: number; readonly change: Change },
): unknown {
  const root: Record<string, unknown> = { value: structuredClone(value) };
  const places = listPlaces(root);
  const place = places[pick % places.length];
  if (place !== undefined) change(place.holder, place.name);
  return root.value;
}

/** Deeper than any body that fits: what lies there was put in. */
const MAX_DEPTH = 20;

function listPlaces(
  root: object,
  depth = 0,
): { readonly holder: Record<string, unknown>; readonly name: string }[] {
  return Object.entries(root).flatMap(([name, held]) => [
    { holder: root as Record<string, unknown>, name },
    ...(typeof held === 'object' && held !== null && depth < MAX_DEPTH ? listPlaces(held, depth + 1) : []),
  ]);
}

/** An own field whatever its name, `__proto__` among them. */
function define(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value, writable: true, enumerable: true, configurable: true });
}
