import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** Requests that are under way at a time at most; the others wait, and their time counts. */
const CONNECTIONS = 64;
/** Between two looks at which requests are due; milliseconds. */
const TICK_MS = 2;

export interface LoadTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadSettings {
  readonly perSecond: number;
  readonly count: number;
  readonly signal: AbortSignal;
}

/**
 * Asks at a fixed pace, whatever the answers take, and measures each from the instant at which it was due: what cannot keep
 * up is seen to fall behind. Rejects if one is answered by anything but 200. Milliseconds.
 */
export async function measureAtPace(
  target: LoadTarget,
  { perSecond, count, signal }: LoadSettings,
): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    const begunAt = performance.now();
    const asked: Promise<number>[] = [];
    while (asked.length < count) {
      signal.throwIfAborted();
      const due = Math.min(count, Math.floor(((performance.now() - begunAt) * perSecond) / 1000));
      while (asked.length < due) {
        const dueAt = begunAt + (asked.length * 1000) / perSecond;
        asked.push(ask(target, agent).then(() => performance.now() - dueAt));
      }
      await delay(TICK_MS);
    }
    return await Promise.all(asked);
  } finally {
    agent.destroy();
  }
}

/** Asks one after another on so many connections, and tells how many a second were answered. */
export async function measureCapacity(
  target: LoadTarget,
  { count, signal }: Omit<LoadSettings, 'perSecond'>,
  connections: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    const begunAt = performance.now();
    let left = count;
    const askAll = async () => {
      for (; left > 0; left -= 1) {
        signal.throwIfAborted();
        await ask(target, agent);
      }
    };
    await Promise.all(Array.from({ length: connections }, askAll));
    return (count * 1000) / (performance.now() - begunAt);
  } finally {
    agent.destroy();
  }
}

/** Resolves when all of the answer was read. */
function ask({ url, headers }: LoadTarget, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} answers ${answer.statusCode}.`));
      answer.on('end', resolve).on('error', reject).resume();
    });
    request.on('error', reject);
  });
}
