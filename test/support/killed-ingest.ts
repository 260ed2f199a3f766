/**
 * A daemon that stores the jobs of the inbound queue and kills itself with SIGKILL the n-th time that it has done a step.
 * Its arguments: the Redis socket, the prefix, the instance, the database's URL, the step and n.
 */
import { parseInstanceId } from '../../src/accounts/ids.ts';
import { openDatabase } from '../../src/db/database.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { makeIngest } from '../../src/messages/ingest.ts';
import { openRedis } from '../../src/queue/connection.ts';
import { openConsumer } from '../../src/queue/consumer.ts';
import { silentLog } from './silent-log.ts';

const [path = '', prefix = '', instance = '', connectionString = '', lastStep = '', times = ''] =
  process.argv.slice(2);
const { db } = openDatabase({ connection: { connectionString }, log: silentLog });
const redis = await openRedis({ location: { path }, prefix, log: silentLog });
let done = 0;
const ingest = makeIngest({
  db,
  log: silentLog,
  clock: systemClock,
  onStep: (step) => {
    if (step === lastStep) done += 1;
    if (done === Number(times)) process.kill(process.pid, 'SIGKILL');
  },
});
await openConsumer({
  redis,
  queue: 'inbound',
  instanceId: parseInstanceId(instance),
  log: silentLog,
  process: ingest,
});
