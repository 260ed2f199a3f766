/** An instance that tells its clients what happens, in a process of its own. Its argument is its InstancePlaces; it prints its port. */
import { type InstancePlaces, openRealtimeInstance } from './realtime-instance.ts';
import { silentLog } from './silent-log.ts';

const instance = await openRealtimeInstance(JSON.parse(process.argv[2] ?? '{}') as InstancePlaces, silentLog);
process.stdout.write(`port ${instance.port}\n`);
