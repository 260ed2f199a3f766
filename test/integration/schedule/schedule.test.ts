import { describe, expect, it } from 'vitest';
import { openSchedule } from '../../../src/schedule/schedule.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const EVERY_SECOND = '* * * * * *';

describe('openSchedule', () => {
  it('runs a job when its time comes, and again after it failed', async () => {
    const log = new RecordingLogger();
    const again = Promise.withResolvers<void>();
    let runs = 0;
    const run = async () => {
      runs += 1;
      if (runs === 1) throw new Error('not today');
      again.resolve();
      return 0;
    };
    const failed = log.next('A scheduled job failed and runs again at its next time');
    await using _ = openSchedule([{ name: 'job', cron: EVERY_SECOND, run }], log);
    expect((await failed).fields).toMatchObject({ job: 'job', error: 'not today' });
    await again.promise;
  });

  it('runs a job at once that is due at the start', async () => {
    const ran = Promise.withResolvers<void>();
    const run = async () => {
      ran.resolve();
      return 0;
    };
    const job = { name: 'job', cron: '0 0 1 1 *', isDueAtStart: true, run };
    await using _ = openSchedule([job], new RecordingLogger());
    await ran.promise;
  });

  it('waits at its end for a job that is at work', async () => {
    const started = Promise.withResolvers<void>();
    const work = Promise.withResolvers<number>();
    let ended = false;
    const run = () => {
      started.resolve();
      return work.promise;
    };
    const schedule = openSchedule([{ name: 'job', cron: EVERY_SECOND, run }], new RecordingLogger());
    await started.promise;
    const disposed = schedule[Symbol.asyncDispose]().then(() => {
      ended = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    work.resolve(0);
    await disposed;
  });
});
