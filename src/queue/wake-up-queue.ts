/**
 * Makes the function that queues wake-ups, for each key one at a time: of those that come while one is on its way only the
 * last is kept, and follows it. Whoever hears a wake-up looks for everything there is of its key, so nothing is missed, and a
 * queue that is away costs memory for each key instead of for each thing that happens.
 *
 * It resolves when the wake-up is queued or kept to follow, and rejects as `add` does, which may take its time.
 */
export function makeWakeUpQueue<Job>(
  add: (job: Job) => Promise<void>,
  keyOf: (job: Job) => string,
): (job: Job) => Promise<void> {
  /** Keys with a wake-up on its way → the one that is to follow. */
  const following = new Map<string, Job | null>();
  return async (job) => {
    const key = keyOf(job);
    if (following.has(key)) {
      following.set(key, job);
      return;
    }
    try {
      for (let next: Job | null = job; next !== null; next = following.get(key) ?? null) {
        following.set(key, null);
        await add(next);
      }
    } finally {
      following.delete(key);
    }
  };
}
