import { expect, it } from 'vitest';
import { KeyedSerial } from '../../../src/lib/keyed-serial.ts';

it('runs the tasks of one key one after another, in order', async () => {
  const serial = new KeyedSerial<string>();
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const runs = [
    serial.run('a', async () => {
      log.push('first begins');
      await first.promise;
      log.push('first ends');
    }),
    serial.run('a', async () => log.push('second')),
  ];
  await serial.run('b', async () => log.push('other key'));
  expect(log).toEqual(['first begins', 'other key']);
  first.resolve();
  await Promise.all(runs);
  expect(log).toEqual(['first begins', 'other key', 'first ends', 'second']);
});

it('hands on result and failure, and goes on after a failure', async () => {
  const serial = new KeyedSerial<string>();
  const failing = serial.run('a', () => Promise.reject(new Error('x')));
  const next = serial.run('a', async () => 1);
  await expect(failing).rejects.toThrow('x');
  await expect(next).resolves.toBe(1);
});

it('is busy with a key until its last task has ended', async () => {
  const serial = new KeyedSerial<string>();
  const first = Promise.withResolvers<void>();
  const runs = [serial.run('a', () => first.promise), serial.run('a', async () => undefined)];
  expect([serial.isBusy('a'), serial.isBusy('b')]).toEqual([true, false]);
  first.resolve();
  await runs[0];
  expect(serial.isBusy('a')).toBe(true);
  await serial.idle();
  expect(serial.isBusy('a')).toBe(false);
});

it('is idle when all tasks have ended, failed ones too', async () => {
  const serial = new KeyedSerial<string>();
  const failed = expect(serial.run('a', () => Promise.reject(new Error('x')))).rejects.toThrow('x');
  let ended = false;
  void serial.run('b', async () => {
    ended = true;
  });
  await serial.idle();
  expect(ended).toBe(true);
  await failed;
});
