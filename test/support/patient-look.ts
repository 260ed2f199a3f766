import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../../scripts/daemon-api.ts';

/** What users are promised: by then a session is back, or says which human is needed. */
export const PROMISED_MS = 120_000;

/** Between two looks at an API that is still behind, or away. */
const LOOK_AGAIN_MS = 150;

/**
 * Asks a daemon until `look` finds something. That it is away, or one of its stores, or that a key is still being
 * accepted, is no answer; any other refusal is, and rejects.
 */
export async function untilFound<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { patienceMs = PROMISED_MS }: { readonly patienceMs?: number } = {},
): Promise<T> {
  const patience = AbortSignal.timeout(patienceMs);
  while (!patience.aborted) {
    const found = await look().catch((thrown: unknown) => {
      if (isOutage(thrown)) return undefined;
      throw thrown;
    });
    if (found !== undefined) return found;
    await delay(LOOK_AGAIN_MS);
  }
  throw new Error(`${what} did not come within ${patienceMs / 1_000} s.`);
}

function isOutage(thrown: unknown): boolean {
  if (thrown instanceof ApiError) return thrown.status >= 500 || thrown.code === 'IDEMPOTENCY_IN_PROGRESS';
  // The connection was refused or cut, in the middle of an answer perhaps.
  return thrown instanceof TypeError || thrown instanceof SyntaxError;
}
