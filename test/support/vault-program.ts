/**
 * A program that does with the vault of one account what a daemon does, and kills itself at the step that it is told.
 * Started by vault-process.ts, which tells it by its standard input what to do; its argument is its VaultPlaces.
 */
import { createInterface } from 'node:readline';
import { openGuard } from '../../src/channels/whatsapp-web/guard.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';
import type { VaultStep } from '../../src/vault/vault-step.ts';
import { RecordingLogger } from './recording-logger.ts';
import { CURRENT_KEY, NEXT_KEY } from './sealed-sample.ts';
import { type VaultPlaces, VaultStage } from './vault-stage.ts';

export interface VaultOrder {
  /**
   * `cycle`: sessions one after another without an end, each with texts that count upwards. `rotate`: from the current
   * key to the next one.
   */
  readonly do: 'boot' | 'takeOut' | 'snapshot' | 'putAway' | 'destroy' | 'cycle' | 'rotate';
  /** Do not come further than this. */
  readonly dieAt?: VaultStep;
}

export type VaultNews =
  | { readonly kind: 'step'; readonly step: VaultStep }
  /** `cycle` has stored this text. */
  | { readonly kind: 'stored'; readonly text: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: string };

async function main(places: VaultPlaces): Promise<void> {
  let dieAt: VaultStep | undefined;
  // A pipe is written to at once: what was told before the end is heard.
  const tell = (news: VaultNews) => process.stdout.write(`${JSON.stringify(news)}\n`);
  const onStep = (step: VaultStep) => {
    tell({ kind: 'step', step });
    if (step === dieAt) process.kill(process.pid, 'SIGKILL');
  };
  await using stack = new AsyncDisposableStack();
  const { guardMark: mark } = places;
  if (mark !== undefined) {
    stack.use(await openGuard({ mark, path: process.env.PATH, log: new RecordingLogger() }));
  }
  await using stage = await VaultStage.open(places, { onStep });
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as VaultOrder;
    dieAt = order.dieAt;
    try {
      if (order.do === 'boot') await stage.boot();
      else if (order.do === 'cycle') await cycle(stage, tell);
      else if (order.do === 'rotate') await rotate(places, onStep);
      else await stage.keeper[order.do](stage.accountId);
      await stage.keeper.copied();
      tell({ kind: 'done' });
    } catch (thrown) {
      tell({ kind: 'failed', error: String(thrown) });
    }
  }
}

async function rotate(places: VaultPlaces, onStep: (step: VaultStep) => void): Promise<void> {
  using keyRing = makeKeyRing({ current: NEXT_KEY, previous: [CURRENT_KEY] });
  await using stage = await VaultStage.open(places, { onStep, keyRing });
  await stage.rotate();
}

async function cycle(stage: VaultStage, tell: (news: VaultNews) => unknown): Promise<never> {
  const store = async (text: string) => {
    await stage.store(text);
    tell({ kind: 'stored', text });
  };
  for (let count = 1; ; count += 2) {
    await stage.keeper.takeOut(stage.accountId);
    await store(String(count));
    await stage.keeper.snapshot(stage.accountId);
    await store(String(count + 1));
    await stage.putAway();
  }
}

await main(JSON.parse(process.argv[2] ?? '{}') as VaultPlaces);
