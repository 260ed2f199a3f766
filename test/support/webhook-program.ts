/** An instance that delivers webhooks, in a process of its own. Its argument is its WebhookPlaces; it says when it is there. */
import { silentLog } from './silent-log.ts';
import { openWebhookInstance, type WebhookPlaces } from './webhook-instance.ts';

await openWebhookInstance(JSON.parse(process.argv[2] ?? '{}') as WebhookPlaces, silentLog);
process.stdout.write('ready\n');
