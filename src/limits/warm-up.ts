const DAY_MS = 86_400_000;

/** What an account may start with on its first day, and by how much each further day allows more. */
const FIRST_DAY = 20;
const GROWTH = 1.4;
/** From this age on, in days, there is no limit: the ramp has passed 2,000 by then. */
const RAMP_DAYS = 14;

/**
 * How many messages a young account may send a day to chats that it does not answer, by its age: the time since its number
 * was first linked here, for WhatsApp tells nobody when it began. An account that is linked again keeps its age. Infinity once it is no longer young.
 */
export function warmUpLimit(firstLinkedAt: number | null, now: number): number {
  const days = firstLinkedAt === null ? 0 : Math.max(0, Math.floor((now - firstLinkedAt) / DAY_MS));
  return days >= RAMP_DAYS ? Number.POSITIVE_INFINITY : Math.floor(FIRST_DAY * GROWTH ** days);
}
