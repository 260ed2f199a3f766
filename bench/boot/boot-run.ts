import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { DaemonApi } from '../../scripts/daemon-api.ts';
import type { Simulator } from '../../simulator/client.ts';
import type { Executor } from '../../src/db/database.ts';
import { type MeasuredDaemon, startMeasuredDaemon } from '../measured-daemon.ts';
import type { BootFigures } from './boot-daemon.ts';

/** Between two looks at how many are connected. */
const LOOK_MS = 100;
/** Nobody waits longer for all to be connected. */
const PATIENCE_MS = 900_000;

/** What a boot came to. */
export interface Boot extends BootFigures {
  /** Places of the launch gate; 0 for no gate. */
  readonly gate: number;
  /** From the start of the process until half of the accounts, and all of them, are connected. */
  readonly halfMs: number;
  readonly allMs: number;
  /** Sessions that fell meanwhile, and were started again. */
  readonly falls: number;
}

export interface BootParts {
  readonly db: Executor;
  readonly simulator: Simulator;
  readonly env: Readonly<Record<string, string>>;
  readonly accounts: number;
  readonly signal: AbortSignal;
}

export function startWithGate(
  gate: number,
  { env, signal }: BootParts,
): Promise<MeasuredDaemon<BootFigures>> {
  const path = join(import.meta.dirname, 'boot-daemon.ts');
  return startMeasuredDaemon({ path, args: [String(gate)], env }, signal);
}

/** Links so many phones of the simulator, and seals all of their sessions. */
export async function linkAll(parts: BootParts, say: (progress: string) => void): Promise<void> {
  await using daemon = await startWithGate(1, parts);
  const api = new DaemonApi(daemon);
  for (let nth = 1; nth <= parts.accounts; nth += 1) {
    parts.signal.throwIfAborted();
    const phone = await parts.simulator.world.phone(`phone-${nth}`);
    const { accountId, qr } = await api.connect(phone.name);
    await phone.scan(qr);
    await api.reached(accountId, 'Connected');
    say(`${nth} of ${parts.accounts} accounts are linked …`);
  }
  await daemon.stop();
}

/** Starts the daemon with that gate, waits until all are connected, and stops it. */
export async function boot(gate: number, parts: BootParts): Promise<Boot> {
  const { db, accounts, signal } = parts;
  const before = await countFalls(db);
  const begunAt = performance.now();
  await using daemon = await startWithGate(gate, parts);
  let halfMs: number | undefined;
  for (;;) {
    const connected = await countConnected(db);
    const tookMs = performance.now() - begunAt;
    if (connected * 2 >= accounts) halfMs ??= tookMs;
    if (connected === accounts) break;
    if (tookMs > PATIENCE_MS) throw new Error(`Only ${connected} of ${accounts} accounts were connected.`);
    await delay(LOOK_MS, undefined, { signal });
  }
  const allMs = performance.now() - begunAt;
  const figures = await daemon.figures();
  const falls = (await countFalls(db)) - before;
  await daemon.stop();
  return { gate, halfMs: halfMs ?? allMs, allMs, falls, ...figures };
}

async function countConnected(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from accounts where state = 'connected'`.execute(db);
  return rows[0]?.count ?? 0;
}

async function countFalls(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from session_events where kind = 'state' and state = 'reconnecting'`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
}
