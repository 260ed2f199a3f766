/**
 * A daemon that takes a job of the inbound queue and never finishes it, to be killed: it prints a line when it has
 * one. Its arguments: the Redis socket, the prefix and the instance.
 */
import { parseInstanceId } from '../../src/accounts/ids.ts';
import { openRedis } from '../../src/queue/connection.ts';
import { openConsumer } from '../../src/queue/consumer.ts';
import { silentLog } from './silent-log.ts';

const [path = '', prefix = '', instanceId = ''] = process.argv.slice(2);
const redis = await openRedis({ location: { path }, prefix, log: silentLog });
await openConsumer({
  redis,
  queue: 'inbound',
  instanceId: parseInstanceId(instanceId),
  log: silentLog,
  process: () => {
    console.log('has a job');
    return new Promise(() => undefined);
  },
});
