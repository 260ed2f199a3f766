import type { Lane } from './lane.ts';

/** The shortest and the longest pause between two messages of a lane, in milliseconds. */
const PAUSES = {
  reply: { min: 1_000, max: 4_000 },
  known: { min: 4_000, max: 15_000 },
  stranger: { min: 15_000, max: 60_000 },
} as const satisfies Record<Lane, { min: number; max: number }>;

/** The longest pause of any lane, in milliseconds. */
export const LONGEST_PAUSE_MS = Math.max(...Object.values(PAUSES).map(({ max }) => max));

/**
 * The pause before a message after the one before it in its lane, in milliseconds. It follows from the message's id alone,
 * so looking again, or after a restart, changes nothing.
 */
export function jitterMs(lane: Lane, messageId: string): number {
  const { min, max } = PAUSES[lane];
  return min + Math.floor((max - min) * idToFraction(messageId));
}

/** A number from 0 to 1, exclusive, of the random end of a UUID. */
function idToFraction(id: string): number {
  return Number.parseInt(id.slice(-8), 16) / 2 ** 32;
}
