import { findRun, untilEntered } from './instance-facts.ts';
import type { Instance, InstanceStage } from './instance-stage.ts';
import type { TcpLine } from './tcp-line.ts';

/** A kind of fault that can strike one of several instances. */
export interface InstanceFault {
  readonly name: string;
  /** What becomes of its sessions: they go on, begin anew where they were, or begin anew on other instances. */
  readonly sessions: 'go on' | 'start anew' | 'move';
  /** Strikes, and resolves with what ends the fault; that resolves when the instance serves users again. */
  readonly strike: (stage: InstanceStage, instance: Instance) => Promise<() => Promise<void>>;
}

/** The lines are cut; without PostgreSQL the instance serves nobody, and its run is over. */
function cut(linesOf: (instance: Instance) => readonly TcpLine[]): InstanceFault['strike'] {
  return async (stage, instance) => {
    const isAlone = linesOf(instance).includes(instance.postgres);
    const run = await getRun(stage, instance);
    if (isAlone) instance.isServing = false;
    for (const line of linesOf(instance)) line.cut();
    return async () => {
      for (const line of linesOf(instance)) line.heal();
      if (isAlone) await untilEntered(stage, instance, run);
      instance.isServing = true;
    };
  };
}

async function getRun({ db }: InstanceStage, instance: Instance): Promise<string> {
  const found = await findRun(db, instance);
  if (found === undefined) throw new Error(`${instance.id} has no run.`);
  return found.run;
}

export const INSTANCE_FAULTS: readonly InstanceFault[] = [
  {
    name: 'SIGKILL, and a start soon',
    sessions: 'start anew',
    strike: async (_stage, instance) => {
      instance.isServing = false;
      await instance.daemon().kill();
      await instance.start();
      return async () => undefined;
    },
  },
  {
    name: 'SIGKILL, and a start once others have its accounts',
    sessions: 'move',
    strike: async (_stage, instance) => {
      instance.isServing = false;
      await instance.daemon().kill();
      return () => instance.start();
    },
  },
  {
    name: 'SIGSTOP, and SIGCONT once others have its accounts',
    sessions: 'move',
    strike: async (stage, instance) => {
      const run = await getRun(stage, instance);
      instance.isServing = false;
      process.kill(instance.daemon().pid, 'SIGSTOP');
      return async () => {
        process.kill(instance.daemon().pid, 'SIGCONT');
        await untilEntered(stage, instance, run);
        instance.isServing = true;
      };
    },
  },
  {
    name: 'stop and start',
    sessions: 'move',
    strike: async (_stage, instance) => {
      instance.isServing = false;
      const code = await instance.daemon().stop();
      if (code !== 0) throw new Error(`The stop of ${instance.id} ended with code ${code}.`);
      return () => instance.start();
    },
  },
  { name: 'no PostgreSQL', sessions: 'move', strike: cut(({ postgres }) => [postgres]) },
  { name: 'no Redis', sessions: 'go on', strike: cut(({ redis }) => [redis]) },
  { name: 'no store', sessions: 'move', strike: cut(({ postgres, redis }) => [postgres, redis]) },
];
