import { beforeEach, expect, it } from 'vitest';
import { ConnectionWatch } from '../../../src/queue/connection-watch.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

let log: RecordingLogger;
let watch: ConnectionWatch;
let recoveries: number;
beforeEach(() => {
  log = new RecordingLogger();
  watch = new ConnectionWatch(log);
  recoveries = 0;
  watch.onRecovered(() => {
    recoveries += 1;
  });
});
const levels = () => log.lines.map(({ level }) => level);

it('tells of an outage once, with the last error, and once that it is over', () => {
  watch.answers();
  watch.failed(new Error('refused'));
  watch.lost();
  watch.lost();
  expect(log.lines).toMatchObject([{ level: 'warn', fields: { error: 'refused' } }]);
  watch.answers();
  watch.answers();
  expect([levels(), recoveries]).toEqual([['warn', 'info'], 1]);
});

it('counts nothing as an outage before Redis has answered once', () => {
  watch.failed(new Error('refused'));
  watch.lost();
  watch.answers();
  expect([levels(), recoveries]).toEqual([[], 0]);
});

it('says nothing any more once it is closed', () => {
  watch.answers();
  watch.lost();
  watch.close();
  watch.answers();
  watch.lost();
  expect([levels(), recoveries, watch.closing.aborted]).toEqual([['warn'], 0, true]);
});
