/**
 * Where the messages of a chat are while the chat changes under the reader.
 *
 * A page of a chat is asked for by its distance from the newest message, and that distance grows with each message
 * that arrives (and shrinks if one is deleted). The track gives each message that was read a fixed depth: its
 * distance when the reading began. The shift, distance now minus depth, is measured on each page by the messages
 * that were met before; so consecutive pages overlap, and a page that meets none of them is not connected.
 */
import type { ReadPlace } from './inbound-event.ts';

/** Messages in a page. */
export const PAGE_SIZE = 50;

/** Messages that a page shares with the one before: so many may be deleted in between without a gap. */
export const PAGE_OVERLAP = 5;

/** A page and the depth of each of its messages. */
export interface LocatedPage {
  readonly events: readonly ReadPlace[];
  /** Depth of the first event; the others follow. */
  readonly depth: number;
}

export class ChatTrack {
  readonly #depths = new Map<string, number>();
  #shift = 0;
  #deepest: { readonly depth: number; readonly at: number } | undefined;

  /** Where to read so that the page ends `PAGE_OVERLAP` messages behind the given depth. */
  offsetToReach(depth: number): number {
    return Math.max(0, depth + this.#shift - PAGE_SIZE + 1 + PAGE_OVERLAP);
  }

  /** Where to read on behind the deepest message that was met. */
  offsetBehind(): number {
    if (this.#deepest === undefined) return 0;
    return Math.max(0, this.#deepest.depth + this.#shift + 1 - PAGE_OVERLAP);
  }

  /** Measures the shift by the deepest message of the page that was met before; undefined if none was. */
  locate(events: readonly ReadPlace[], offset: number): LocatedPage | undefined {
    const index = events.findLastIndex(({ key }) => this.#depths.has(key.bareId));
    const met = events[index];
    if (met !== undefined) this.#shift = offset + index - this.#depthOf(met, index === events.length - 1);
    else if (this.#deepest !== undefined) return undefined;
    return { events, depth: offset - this.#shift };
  }

  /** If others follow it in the page, it is the deepest that is left: those met below it were deleted. */
  #depthOf(met: ReadPlace, isLast: boolean): number {
    const own = this.#depths.get(met.key.bareId) ?? 0;
    return isLast ? own : Math.max(own, this.#deepest?.depth ?? 0);
  }

  /** Remembers the page's messages; returns those that were not met before, with their depths. */
  add({ events, depth }: LocatedPage): { readonly event: ReadPlace; readonly depth: number }[] {
    const fresh = events
      .map((event, index) => ({ event, depth: depth + index }))
      .filter(({ event }) => !this.#depths.has(event.key.bareId));
    for (const { event, depth: own } of fresh) {
      this.#depths.set(event.key.bareId, own);
      if (own > (this.#deepest?.depth ?? -1)) this.#deepest = { depth: own, at: event.at };
    }
    return fresh;
  }

  /**
   * Measures the shift next to `depth`, where a message is looked for. True if the page shows that it is gone: what
   * was met on either side of it is there, and it must be in between.
   */
  seek(events: readonly ReadPlace[], offset: number, depth: number): boolean {
    const met = events.flatMap(({ key }, index) => {
      const own = this.#depths.get(key.bareId);
      return own === undefined ? [] : [{ index, depth: own, distance: Math.abs(own - depth) }];
    });
    const [nearest] = met.toSorted((a, b) => a.distance - b.distance);
    if (nearest === undefined) {
      this.search(events);
      return false;
    }
    this.#shift = offset + nearest.index - nearest.depth;
    // What was met is one stretch: newcomers above it show its upper end. A few may have come in between.
    const isUpperEnd = offset === 0 || (met[0]?.index ?? 0) >= PAGE_OVERLAP;
    const above = isUpperEnd || met.some((other) => other.depth < depth);
    const below = events.length < PAGE_SIZE || met.some((other) => other.depth > depth);
    return nearest.distance > 0 && above && below;
  }

  /**
   * What happened when a page is not connected: so many messages arrived that those met before lie deeper now, or
   * so many were deleted that it lies behind the end of what was met. Moves the shift accordingly.
   */
  search(events: readonly ReadPlace[]): void {
    const oldest = events.at(-1);
    const arrived = oldest !== undefined && this.#deepest !== undefined && oldest.at >= this.#deepest.at;
    this.#shift += arrived ? PAGE_SIZE - PAGE_OVERLAP : PAGE_OVERLAP - PAGE_SIZE;
  }
}
