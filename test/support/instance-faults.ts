import {
  findRun,
  listFacts,
  untilDraining,
  untilEntered,
  untilOver,
  untilReady,
  untilTaken,
} from './instance-facts.ts';
import type { Instance, InstanceStage } from './instance-stage.ts';
import type { TcpLine } from './tcp-line.ts';

/** A kind of fault that can strike one of several instances. */
export interface InstanceFault {
  readonly name: string;
  /** What becomes of the sessions: they go on, or begin anew, on any instance or on others than the one that was struck. */
  readonly sessions: 'go on' | 'start anew' | 'move';
  /** Strikes, and resolves with what ends the fault; that resolves when the instance serves users again. */
  readonly strike: (stage: InstanceStage, instance: Instance) => Promise<() => Promise<void>>;
}

/** Two faults at once, on two of three instances: the third has to serve all accounts. */
export interface DoubleFault {
  readonly name: string;
  /** Strikes both, the second of which is dealt what the first one leaves, and resolves with what ends both. */
  readonly strike: (stage: InstanceStage, first: Instance, second: Instance) => Promise<() => Promise<void>>;
}

/** The instance cannot reach PostgreSQL, and serves nobody until it has another run. */
function cut(linesOf: (instance: Instance) => readonly TcpLine[]): InstanceFault['strike'] {
  return async (stage, instance) => {
    const run = await getRun(stage, instance);
    instance.isServing = false;
    for (const line of linesOf(instance)) line.cut();
    return async () => {
      await untilOver(stage, run);
      for (const line of linesOf(instance)) line.heal();
      await untilEntered(stage, instance, run);
      instance.isServing = true;
    };
  };
}

const CUT_POSTGRES = cut(({ postgres }) => [postgres]);

const CUT_REDIS: InstanceFault['strike'] = async (_stage, instance) => {
  instance.redis.cut();
  return async () => {
    await untilReady(instance, false);
    instance.redis.heal();
    await untilReady(instance, true);
  };
};

async function getRun({ db }: InstanceStage, instance: Instance): Promise<string> {
  const found = await findRun(db, instance);
  if (found === undefined) throw new Error(`${instance.id} has no run.`);
  return found.run;
}

async function kill(instance: Instance): Promise<void> {
  instance.isServing = false;
  await instance.daemon().kill();
}

const KILL_AND_START: InstanceFault['strike'] = async (_stage, instance) => {
  await kill(instance);
  await instance.start();
  return async () => undefined;
};

const KILL: InstanceFault['strike'] = async (_stage, instance) => {
  await kill(instance);
  return () => instance.start();
};

const STAND_STILL: InstanceFault['strike'] = async (stage, instance) => {
  const run = await getRun(stage, instance);
  const { pid } = instance.daemon();
  instance.isServing = false;
  process.kill(pid, 'SIGSTOP');
  return async () => {
    await untilOver(stage, run);
    process.kill(pid, 'SIGCONT');
    await untilEntered(stage, instance, run);
    instance.isServing = true;
  };
};

const DRAIN: InstanceFault['strike'] = async (_stage, instance) => {
  instance.isServing = false;
  const code = await instance.daemon().stop();
  if (code !== 0) throw new Error(`The stop of ${instance.id} ended with code ${code}.`);
  return () => instance.start();
};

/** Nothing that it seals at its end can be entered or copied. */
const STOP_CUT_OFF: InstanceFault['strike'] = async (_stage, instance) => {
  instance.isServing = false;
  instance.postgres.cut();
  await instance.daemon().stop();
  return async () => {
    instance.postgres.heal();
    await instance.start();
  };
};

/** What is sealed last can still be copied, or cannot any more, and its leases are given back or lapse. */
const CUT_OFF_IN_STOP: InstanceFault['strike'] = async (stage, instance) => {
  instance.isServing = false;
  const stopped = instance.daemon().stop();
  await untilDraining(stage, instance);
  instance.postgres.cut();
  await stopped;
  return async () => {
    instance.postgres.heal();
    await instance.start();
  };
};

const KILL_BOTH: DoubleFault['strike'] = async (stage, first, second) => {
  const ends = await Promise.all([KILL(stage, first), KILL(stage, second)]);
  return () => endAll(ends);
};

const TAKER_STANDS_STILL: DoubleFault['strike'] = async (stage, first, second) => {
  const held = (await listFacts(stage.db)).filter(({ holder }) => holder === first.id);
  const endFirst = await KILL(stage, first);
  await untilTaken(stage, second, new Set(held.map(({ accountId }) => accountId)));
  const endSecond = await STAND_STILL(stage, second);
  return () => endAll([endFirst, endSecond]);
};

const DRAIN_BESIDE_CUT: DoubleFault['strike'] = async (stage, first, second) => {
  const endSecond = await CUT_POSTGRES(stage, second);
  const endFirst = await DRAIN(stage, first);
  return () => endAll([endFirst, endSecond]);
};

async function endAll(ends: readonly (() => Promise<void>)[]): Promise<void> {
  await Promise.all(ends.map((end) => end()));
}

/** Every kind. What ends a fault comes once every account is served again. */
export const INSTANCE_FAULTS: readonly InstanceFault[] = [
  fault('SIGKILL and start', 'start anew', KILL_AND_START),
  fault('SIGKILL', 'move', KILL),
  fault('SIGSTOP', 'move', STAND_STILL),
  fault('drained stop', 'move', DRAIN),
  fault('PostgreSQL cut off', 'move', CUT_POSTGRES),
  fault('stop while PostgreSQL is cut off', 'move', STOP_CUT_OFF),
  fault('Redis cut off', 'go on', CUT_REDIS),
  fault(
    'PostgreSQL and Redis cut off',
    'move',
    cut(({ postgres, redis }) => [postgres, redis]),
  ),
];

/** One whose time is too long for every day. */
export const LONG_FAULTS: readonly InstanceFault[] = [
  fault('PostgreSQL cut off in a drained stop', 'move', CUT_OFF_IN_STOP),
];

export const DOUBLE_FAULTS: readonly DoubleFault[] = [
  { name: 'SIGKILL of two', strike: KILL_BOTH },
  { name: 'SIGKILL, and SIGSTOP of who takes over', strike: TAKER_STANDS_STILL },
  { name: 'drained stop beside one that is cut off', strike: DRAIN_BESIDE_CUT },
];

function fault(
  name: string,
  sessions: InstanceFault['sessions'],
  strike: InstanceFault['strike'],
): InstanceFault {
  return { name, sessions, strike };
}
