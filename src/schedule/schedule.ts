import { createTask } from 'node-cron';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { CronJob } from './cron-table.ts';

/**
 * Runs the jobs of the table when their time comes, and those that are due at the start at once, until it is disposed; that waits for those at work. A job that
 * fails is logged and runs again at its next time; one that is still at work then is left alone.
 */
export function openSchedule(jobs: readonly CronJob[], log: Logger): AsyncDisposable {
  const running = new Set<Promise<void>>();
  const start = (job: CronJob) => {
    const run = runJob(job, log).finally(() => running.delete(run));
    running.add(run);
    return run;
  };
  const tasks = jobs.map((job) =>
    createTask(job.cron, () => start(job), {
      name: job.name,
      timezone: 'UTC',
      noOverlap: true,
      logger: toCronLogger(log),
    }),
  );
  for (const task of tasks) void task.start();
  for (const job of jobs.filter(({ isDueAtStart }) => isDueAtStart)) void start(job);
  return {
    async [Symbol.asyncDispose]() {
      for (const task of tasks) await task.destroy();
      await Promise.all(running);
    },
  };
}

async function runJob(job: CronJob, log: Logger): Promise<void> {
  try {
    const changed = await job.run();
    log.debug('A scheduled job ended', { job: job.name, changed });
  } catch (thrown) {
    log.warn('A scheduled job failed and runs again at its next time', {
      job: job.name,
      error: toError(thrown).message,
    });
  }
}

/** What the scheduler says of itself (a time that was missed, an overlap) is of interest only when looking closer. */
function toCronLogger(log: Logger) {
  const tell = (text: string | Error) =>
    log.debug('The scheduler reports', { report: text instanceof Error ? text.message : text });
  return { info: tell, warn: tell, error: tell, debug: tell };
}
