import { expect, it } from 'vitest';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import { RestoreProgress } from '../../../../src/channels/whatsapp-web/restore-progress.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

const [A, B, C] = ['a', 'b', 'c'] as unknown as [AccountId, AccountId, AccountId];

it('tells how many accounts are restored and which have failed, until all have done either', () => {
  const log = new RecordingLogger();
  const progress = new RestoreProgress([A, B, C], log);
  const told = () => `${progress} | ${log.lines.at(-1)?.message}`;
  progress.hear(A, { state: 'syncing', reason: null });
  expect(told()).toBe('0/3 restored | The accounts are being restored');
  progress.hear(A, { state: 'connected', reason: null });
  progress.hear(B, { state: 'reconnecting', reason: 'browser_died' });
  progress.hear(B, { state: 'reconnecting', reason: 'launch_failed' });
  expect(told()).toBe('1/3 restored, 1 failed: b (browser_died) | The accounts are being restored');
  progress.hear(C, { state: 'connected', reason: null });
  expect(told()).toBe('2/3 restored, 1 failed: b (browser_died) | The accounts have been restored');
  progress.hear(B, { state: 'connected', reason: null });
  expect(told()).toBe('3/3 restored | The accounts have been restored');
  progress.hear(A, { state: 'reconnecting', reason: 'browser_died' });
  expect(`${progress}`).toBe('3/3 restored');
});

it('says nothing where there is nothing to restore', () => {
  const log = new RecordingLogger();
  expect(`${new RestoreProgress([], log)}`).toBe('0/0 restored');
  expect(log.lines).toEqual([]);
});

it('counts no account that was stopped along with the daemon, and tells no more', () => {
  const log = new RecordingLogger();
  const progress = new RestoreProgress([A, B], log);
  progress.hear(A, { state: 'connected', reason: null });
  const told = log.lines.length;
  progress.hear(B, { state: 'disconnected', reason: 'daemon_stopped' });
  expect(`${progress}`).toBe('1/2 restored');
  expect(log.lines).toHaveLength(told);
});
