import type { Clock } from '../../lib/clock.ts';
import { type KnownProcess, listPlaces, type ProcessPlace } from './browser-process.ts';

export interface FamiliesDeps {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** How long a look at all processes serves, in milliseconds. */
  readonly servesMs: number;
  /** All processes of this machine by default. */
  readonly list?: () => readonly ProcessPlace[];
}

interface Look {
  readonly at: number;
  readonly byPid: ReadonlyMap<number, ProcessPlace>;
  readonly byParent: ReadonlyMap<number, readonly ProcessPlace[]>;
  readonly byGroup: ReadonlyMap<number, readonly ProcessPlace[]>;
}

/**
 * Finds the processes of many browsers, for figures about them. One look at the machine serves everybody who asks for a
 * while: with a look for each, a thousand browsers with their six thousand processes would cost a million times what one
 * costs. So what it says may be some seconds old, and nobody may be killed by it.
 */
export class ProcessFamilies {
  readonly #deps: FamiliesDeps & { readonly list: () => readonly ProcessPlace[] };
  #look: Look | undefined;

  constructor(deps: FamiliesDeps) {
    this.#deps = { list: listPlaces, ...deps };
  }

  /** The living process, its descendants and the rest of its group; none if it was not there at the last look. */
  find(leader: KnownProcess): readonly number[] {
    const look = this.#lookAgain();
    if (look.byPid.get(leader.pid)?.startedAt !== leader.startedAt) return [];
    const found = new Set([leader.pid, ...pidsOf(look.byGroup, leader.pid)]);
    // A set goes on with what is added to it meanwhile.
    for (const pid of found) for (const child of pidsOf(look.byParent, pid)) found.add(child);
    return [...found];
  }

  #lookAgain(): Look {
    const { clock, servesMs, list } = this.#deps;
    const now = clock.monotonic();
    if (this.#look !== undefined && now < this.#look.at + servesMs) return this.#look;
    const living = list().filter(({ zombie }) => !zombie);
    this.#look = {
      at: now,
      byPid: new Map(living.map((place) => [place.pid, place])),
      byParent: Map.groupBy(living, ({ parent }) => parent),
      byGroup: Map.groupBy(living, ({ group }) => group),
    };
    return this.#look;
  }
}

function pidsOf(places: ReadonlyMap<number, readonly ProcessPlace[]>, key: number): readonly number[] {
  return (places.get(key) ?? []).map(({ pid }) => pid);
}
