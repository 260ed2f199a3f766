/**
 * `npm run demo`: the daemon against the simulated WhatsApp. Links an account with a simulated phone, plays a short
 * conversation both ways through the HTTP API and the simulator's control alone, and stays up until Ctrl-C.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Phone, startSimulator } from '../simulator/client.ts';
import { type ApiMessage, DaemonApi } from './daemon-api.ts';
import { type DaemonProcess, findFreePort, startDaemon } from './daemon-process.ts';

/** Where a newcomer will look for the daemon; another port is taken if somebody else is there. */
const USUAL_PORT = 3000;
function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The stored message that fits, as a line read back from PostgreSQL. */
async function stored(
  api: DaemonApi,
  accountId: string,
  fits: (message: ApiMessage) => boolean,
): Promise<string> {
  const message = await api.message(accountId, 'A message', fits);
  const arrow = message.direction === 'incoming' ? 'in ' : 'out';
  const media = message.mimeType ? ` [${message.mimeType}, ${message.fileSize} bytes]` : '';
  return `   ${arrow}  ${message.status.padEnd(9)} ${message.text ?? message.caption ?? message.type}${media}`;
}

async function link(api: DaemonApi, shop: Phone): Promise<string> {
  const { accountId, qr } = await api.connect('Demo shop');
  say('2. The daemon shows a QR code; the simulated phone scans it.');
  await shop.scan(qr);
  await api.reached(accountId, 'Connected');
  say(`   Account ${accountId} is connected.`);
  return accountId;
}

/** A picture small enough to print: one transparent pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=';

async function converse(api: DaemonApi, accountId: string, shop: Phone, alice: Phone): Promise<void> {
  const send = (body: object) => api.send(accountId, { to: `+${alice.number}`, ...body });
  const isMessage = (id: string, status: string) => (message: ApiMessage) =>
    message.messageId === id && message.status === status;

  say('3. A conversation, each line read back from PostgreSQL:');
  await alice.send(shop, 'Hello! Is the blue one in stock?');
  say(await stored(api, accountId, (message) => message.text === 'Hello! Is the blue one in stock?'));

  const answer = await send({ text: 'It is. Shall we put one aside for you?' });
  say(await stored(api, accountId, isMessage(answer, 'delivered')));
  await alice.read(shop);
  say(await stored(api, accountId, isMessage(answer, 'read')));

  await alice.sendMedia(shop, {
    kind: 'image',
    data: PIXEL,
    mimetype: 'image/png',
    caption: 'Yes please, this one',
  });
  say(
    await stored(
      api,
      accountId,
      (message) =>
        message.caption === 'Yes please, this one' && message.fileSize !== null && message.mimeType !== null,
    ),
  );

  const picture = await send({ media: { data: PIXEL, mimeType: 'image/png' }, caption: 'Done: number 17' });
  say(await stored(api, accountId, isMessage(picture, 'delivered')));
}

function showWhereToLook(daemon: DaemonProcess, simulatorUrl: string, accountId: string): void {
  say(`
4. Look around (Ctrl-C ends everything):
   API            ${daemon.url}/docs
   Queues         ${daemon.url}/admin/queues   (any user name; the password is the key)
   Key            ${daemon.ownerKey}
   Messages       curl -H 'Authorization: Bearer ${daemon.ownerKey}' ${daemon.url}/api/v1/whatsapp/accounts/${accountId}/messages
   Simulator      ${simulatorUrl}   (its control API; see simulator/README.md)`);
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function main(): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-demo-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));

  say('1. Starting the simulated WhatsApp and the daemon.');
  const simulator = stack.use(await startSimulator());
  const daemon = stack.use(
    await startDaemon({
      env: {
        DATA_PATH: join(folder, 'data'),
        LOG_DIR: join(folder, 'logs'),
        CHROME_EXTRA_ARGS: simulator.chromeArgs.map((arg) => `'${arg}'`).join(' '),
      },
      port: (await isFree(USUAL_PORT)) ? USUAL_PORT : await findFreePort(),
    }),
  );
  const api = new DaemonApi(daemon);
  const shop = await simulator.world.phone('shop');
  const alice = await simulator.world.phone('alice');
  const accountId = await link(api, shop);
  await converse(api, accountId, shop, alice);
  showWhereToLook(daemon, simulator.controlUrl, accountId);
  await stopped;
  say('\nStopping.');
}

await main();
process.exit();
