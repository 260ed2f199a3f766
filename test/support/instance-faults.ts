import { findRun, untilEntered, untilOver, untilReady } from './instance-facts.ts';
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

/** Every kind. What ends a fault comes once every account is served again. */
export const INSTANCE_FAULTS: readonly InstanceFault[] = [
  fault('SIGKILL and start', 'start anew', KILL_AND_START),
  fault('SIGKILL', 'move', KILL),
  fault('SIGSTOP', 'move', STAND_STILL),
  fault('drained stop', 'move', DRAIN),
  fault(
    'PostgreSQL cut off',
    'move',
    cut(({ postgres }) => [postgres]),
  ),
  fault('stop while PostgreSQL is cut off', 'move', STOP_CUT_OFF),
  fault('Redis cut off', 'go on', CUT_REDIS),
  fault(
    'PostgreSQL and Redis cut off',
    'move',
    cut(({ postgres, redis }) => [postgres, redis]),
  ),
];

function fault(
  name: string,
  sessions: InstanceFault['sessions'],
  strike: InstanceFault['strike'],
): InstanceFault {
  return { name, sessions, strike };
}
