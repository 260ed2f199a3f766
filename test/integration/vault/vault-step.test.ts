import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/db/database.ts';
import { VAULT_STEPS, type VaultStep } from '../../../src/vault/vault-step.ts';
import {
  type CrashScenario,
  DESTROYING_SCENARIOS,
  KEEPING_SCENARIOS,
} from '../../support/crash-scenarios.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { makeRandom } from '../../support/random.ts';
import { scaled, seed } from '../../support/scale.ts';
import { silentLog } from '../../support/silent-log.ts';
import { hasRealDisks, openSmallDisk } from '../../support/small-disk.ts';
import { VaultProcess } from '../../support/vault-process.ts';
import { VaultRoot } from '../../support/vault-root.ts';
import { type VaultPlaces, VaultStage } from '../../support/vault-stage.ts';

const PAIRS = scaled(3, 60);
const RANDOM_KILLS = scaled(5, 20);
/** A cycle of a small session takes less. */
const LONGEST_CYCLE_MS = 600;

let root: VaultRoot;
let places: VaultPlaces;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());
beforeEach(async () => {
  places = await root.newPlaces();
});

/** Does something in a daemon of its own, that ends well. */
async function during<T>(work: (stage: VaultStage) => Promise<T>): Promise<T> {
  await using stage = await VaultStage.open(places);
  return await work(stage);
}

/** Plays a scenario up to a step, where its process is killed. */
async function crash({ first, work }: CrashScenario, dieAt: VaultStep): Promise<void> {
  await using program = new VaultProcess(places);
  for (const order of first) await program.call({ do: order });
  await program.dies({ do: work, dieAt });
}

/** Sealed copies that nothing knows of would outlive a disconnect. */
async function findStrays(stage: VaultStage): Promise<unknown[]> {
  const known = await stage.listIndex();
  return (await stage.listDatabase()).filter((generation) => !known.includes(generation));
}

/** After a restart the session is as it was left, and goes on: nothing is in its way, and nothing lies about. */
async function expectKept(text: string): Promise<void> {
  await during(async (stage) => {
    await stage.boot();
    expect(await stage.takeOut()).toBe(text);
    expect(await stage.listRuntime()).toEqual([`session-${places.accountId}`]);
    await stage.store('later');
    await stage.putAway();
    expect(await stage.listRuntime()).toEqual([]);
    expect(await findStrays(stage)).toEqual([]);
  });
  await during(async (stage) => {
    await stage.boot();
    expect(await stage.takeOut()).toBe('later');
  });
}

/** After a restart nothing is left of the session, and nothing that turns up later is taken for it. */
async function expectDestroyed(stolen: string): Promise<void> {
  await during(async (stage) => {
    await stage.boot();
    expect(await stage.listRuntime()).toEqual([]);
    expect(await stage.listDisk()).toEqual([]);
    expect(await stage.listDatabase()).toEqual([]);
    expect(await stage.listIndex()).toEqual([]);
    await stage.restoreDisk(stolen);
    expect(await stage.takeOut()).toBeNull();
    await stage.boot();
    expect(await stage.listDisk()).toEqual([]);
    // The account may be linked again, and a restart keeps that.
    await stage.seal('another link');
  });
  await during(async (stage) => {
    await stage.boot();
    expect(await stage.takeOut()).toBe('another link');
  });
}

async function prepareWithCopy(scenario: CrashScenario): Promise<string> {
  const stolen = join(root.path, randomUUID());
  await during(async (stage) => {
    await scenario.prepare(stage);
    await stage.copyDisk(stolen);
  });
  return stolen;
}

/** In everyday runs each step is reached once, and some of a scenario's others, chosen by the seed. */
const OTHERS = scaled(2, VAULT_STEPS.length);

function withSteps(scenarios: readonly CrashScenario[]) {
  const random = makeRandom(seed);
  const reached = new Set<VaultStep>();
  return scenarios.flatMap((scenario) => {
    const fresh = scenario.steps.filter((step) => !reached.has(step));
    for (const step of fresh) reached.add(step);
    const others = random.shuffle(scenario.steps.filter((step) => !fresh.includes(step))).slice(0, OTHERS);
    return [...fresh, ...others].map((step) => [step, scenario.name, scenario] as const);
  });
}

describe('the steps', () => {
  it('are each reached by what is killed here', () => {
    const killed = [...withSteps(KEEPING_SCENARIOS), ...withSteps(DESTROYING_SCENARIOS)];
    const reached = killed.map(([step]) => step);
    expect(VAULT_STEPS.filter((step) => !reached.includes(step))).toEqual([]);
  });

  it.each([...KEEPING_SCENARIOS, ...DESTROYING_SCENARIOS].map((each) => [each.name, each] as const))(
    'of %s are these and no others',
    async (_name, scenario) => {
      await during(scenario.prepare);
      await using program = new VaultProcess(places);
      for (const order of scenario.first) await program.call({ do: order });
      expect(await program.call({ do: scenario.work })).toEqual(scenario.steps);
    },
  );
});

describe('a session is as it was left after a SIGKILL', () => {
  it.each(withSteps(KEEPING_SCENARIOS))('at %s in %s', async (step, _name, scenario) => {
    await during(scenario.prepare);
    await crash(scenario, step);
    await expectKept('new');
  });

  const snapshot = KEEPING_SCENARIOS.find(({ work }) => work === 'snapshot') as CrashScenario;
  const chosen = makeRandom(seed).shuffle(snapshot.steps).slice(0, scaled(3, VAULT_STEPS.length));
  it.each(chosen)('at %s in a snapshot, if the opened profile is lost as well', async (step) => {
    await during(snapshot.prepare);
    await crash(snapshot, step);
    await rm(places.runtimePath, { recursive: true });
    const isOnDisk = snapshot.steps.indexOf(step) >= snapshot.steps.indexOf('snapshot-renamed');
    await expectKept(isOnDisk ? 'new' : 'old');
  });

  it('in a snapshot, whose browser stands still until the guard ends it', async () => {
    await during(snapshot.prepare);
    {
      // Without a guard it would do so for ever.
      await using browser = await startBrowser();
      await crash(snapshot, 'profile-frozen');
      expect(browser.states()).toEqual(['T', 'T']);
    }
    places = { ...places, guardMark: `--switchboard-run=${randomUUID()}` };
    await using browser = await startBrowser();
    await crash(snapshot, 'profile-frozen');
    await browser.ended;
    await expect.poll(browser.states).toEqual([]);
    await expectKept('new');
  });

  it('in a snapshot once its browser goes on, which it does until the guard ends it', async () => {
    await during(snapshot.prepare);
    await using browser = await startBrowser();
    await crash(snapshot, 'profile-copied');
    // It may be running at the moment of the look.
    await expect.poll(browser.states).toEqual(['S', 'S']);
    await expectKept('new');
  });

  it(`twice in a row (seed ${seed})`, async () => {
    const random = makeRandom(seed);
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const [first, then] = random.shuffle(KEEPING_SCENARIOS);
      const [step] = random.shuffle(first?.steps ?? []);
      const stopping = random.next() < 0.5 ? KEEPING_SCENARIOS[1] : then;
      const [next] = random.shuffle(stopping?.steps ?? []);
      await crashTwice(first as CrashScenario, [step as VaultStep, next as VaultStep]);
    }
  });

  it(`at random moments (seed ${seed})`, async () => {
    const random = makeRandom(seed);
    for (let kill = 0; kill < RANDOM_KILLS; kill += 1) {
      await using program = new VaultProcess(places);
      await program.cycles();
      await delay(random.next() * LONGEST_CYCLE_MS);
      await program.kill();
      await during(async (stage) => {
        await stage.boot();
        // It may have been killed before it could tell of the last one.
        const possible = [program.stored, String(Number(program.stored) + 1)];
        expect(possible).toContain(await stage.takeOut());
        await stage.putAway();
        expect(await stage.listRuntime()).toEqual([]);
        expect(await findStrays(stage)).toEqual([]);
      });
    }
  });
});

/** Stands for a browser: a process that has the profile and our marks on its command line, and one that it has started. */
async function startBrowser() {
  const args = [
    `--user-data-dir=${places.runtimePath}/session-${places.accountId}`,
    `--switchboard-account=${places.accountId}`,
    places.guardMark ?? '--x',
  ];
  const browser = spawn('sh', ['-c', 'sleep 600 & wait', 'sh', ...args, '--end'], { detached: true });
  await once(browser, 'spawn');
  const group = browser.pid ?? 0;
  const states = () => statesOfGroup(group);
  await expect.poll(states).toEqual(['S', 'S']);
  const ended = once(browser, 'close');
  return {
    states,
    ended,
    async [Symbol.asyncDispose]() {
      if (states().length > 0) process.kill(-group, 'SIGKILL');
      await ended;
    },
  };
}

/** What each living process of a group does, as the kernel says: S sleeps, T stands still. */
function statesOfGroup(group: number): string[] {
  return readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? readStat(name) : '';
    const [state = 'Z', , of] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(of) === group && state !== 'Z' ? [state] : [];
  });
}

function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It ended while we looked.
    return '';
  }
}

/** The second process comes to what it can of the step, and is killed there; it may be one that it has not to take. */
async function crashTwice(scenario: CrashScenario, [first, second]: readonly [VaultStep, VaultStep]) {
  await resetPlaces();
  await during(scenario.prepare);
  await crash(scenario, first);
  await using program = new VaultProcess(places);
  await program.call({ do: 'boot' });
  for (const order of ['takeOut', 'snapshot', 'putAway'] as const) {
    const died = await program.dies({ do: order, dieAt: second }).then(
      () => true,
      () => false,
    );
    if (died) break;
  }
  await program.kill();
  await expectKept('new');
}

async function resetPlaces(): Promise<void> {
  await using opened = openDatabase({ connection: places.connection, log: silentLog, poolSize: 1 });
  const folder = join(root.path, randomUUID());
  const accountId = await insertTestAccount(opened.db);
  places = {
    ...places,
    accountId,
    runtimePath: join(folder, 'live'),
    sessionPath: join(folder, 'sessions'),
  };
}

describe('a session is destroyed by the next start after a SIGKILL', () => {
  it.each(withSteps(DESTROYING_SCENARIOS))('at %s in %s', async (step, _name, scenario) => {
    const stolen = await prepareWithCopy(scenario);
    await crash(scenario, step);
    await expectDestroyed(stolen);
  });

  it.each<VaultStep>(['wipe-disk-removed', 'wipe-copies-removed', 'wipe-done'])(
    'and another at %s in that start',
    async (step) => {
      const [scenario] = DESTROYING_SCENARIOS as [CrashScenario];
      const stolen = await prepareWithCopy(scenario);
      await crash(scenario, 'wipe-marked');
      await crash({ ...scenario, first: [], work: 'boot' }, step);
      await expectDestroyed(stolen);
    },
  );
});

describe('what a crash leaves half written', () => {
  it.each<VaultStep>(['snapshot-begun', 'snapshot-synced'])(
    'at %s is destroyed with the session',
    async (step) => {
      const [scenario] = KEEPING_SCENARIOS as [CrashScenario];
      await during(scenario.prepare);
      await crash(scenario, step);
      await during(async (stage) => {
        await stage.boot();
        await stage.keeper.takeOut(stage.accountId);
        await stage.keeper.destroy(stage.accountId);
        expect(await stage.listDisk()).toEqual([]);
      });
    },
  );

  it('in the database is removed when its generation is old, and never outlives the session', async () => {
    const [scenario] = KEEPING_SCENARIOS as [CrashScenario];
    await during(scenario.prepare);
    await crash(scenario, 'snapshot-copied');
    await during(async (stage) => {
      await stage.boot();
      for (let stops = 0; stops < 4; stops += 1) await stage.seal('more');
      expect(await stage.listDatabase()).toHaveLength(2);
      expect(await findStrays(stage)).toEqual([]);
      await stage.keeper.destroy(stage.accountId);
      expect(await stage.listDatabase()).toEqual([]);
    });
  });
});

describe('a full disk', () => {
  it('leaves a session that cannot be sealed open, and the next try seals it', async () => {
    using disk = openSmallDisk(join(root.path, `small-${randomUUID()}`));
    places = { ...places, sessionPath: join(disk.path, 'sessions') };
    await during(async (stage) => {
      await stage.seal('old');
      await stage.keeper.takeOut(stage.accountId);
      await stage.store('new');
    });
    {
      await using program = new VaultProcess(places);
      await program.call({ do: 'takeOut' });
      disk.fill([program.pid]);
      await program.call({ do: 'putAway' });
    }
    await during(async (stage) => {
      expect(await stage.listRuntime()).toEqual([`session-${places.accountId}`]);
      expect(await stage.listDisk()).toEqual(['1.vault']);
      expect(await stage.takeOut()).toBe('new');
    });
    disk.free();
    await expectKept('new');
  });

  it.runIf(hasRealDisks)('where profiles are opened keeps no session from being sealed', async () => {
    using disk = openSmallDisk(join(root.path, `small-${randomUUID()}`));
    places = { ...places, runtimePath: join(disk.path, 'live') };
    await during(async (stage) => {
      await stage.seal('old');
      await stage.keeper.takeOut(stage.accountId);
      await stage.store('new');
    });
    {
      await using program = new VaultProcess(places);
      await program.call({ do: 'takeOut' });
      disk.fill([]);
      expect(await program.call({ do: 'putAway' })).not.toContain('profile-marked');
    }
    await during(async (stage) => {
      expect(await stage.listRuntime()).toEqual([]);
      expect(await stage.listDisk()).toEqual(['1.vault', '2.vault']);
    });
    disk.free();
    await expectKept('new');
  });

  it('where profiles are opened leaves the vault as it is', async () => {
    using disk = openSmallDisk(join(root.path, `small-${randomUUID()}`));
    places = { ...places, runtimePath: join(disk.path, 'live') };
    await during((stage) => stage.seal('new'));
    {
      await using program = new VaultProcess(places);
      disk.fill([program.pid]);
      await expect(program.call({ do: 'takeOut' })).rejects.toThrow('AppError');
    }
    disk.free();
    await during(async (stage) => expect(await stage.listRuntime()).toEqual([]));
    await expectKept('new');
  });
});
