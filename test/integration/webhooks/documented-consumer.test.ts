import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTestServer, type TestServer } from '../../support/http-server.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

let server: TestServer;
let child: ChildProcess | undefined;
beforeEach(async () => {
  server = await openTestServer({}, { allowPrivate: true });
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await server[Symbol.asyncDispose]();
});

/** The example of docs/webhooks.md, as it stands there. */
async function readExample(): Promise<string> {
  const text = await readFile(`${ROOT}/docs/webhooks.md`, 'utf8');
  return /```js consumer\n([\s\S]+?)```/.exec(text)?.[1] ?? '';
}

it('the consumer of the documentation takes what is signed, and nothing else', async () => {
  // The port is known only once it listens, and its secret only once there is a webhook: so the address is changed after.
  const body = { url: 'http://127.0.0.1:9/', events: ['message.received'] };
  const { id, secret } = (await server.ask('POST', '/webhooks', { body })).body.data;
  child = spawn(process.execPath, ['--input-type=module', '-e', await readExample()], {
    cwd: ROOT,
    env: { ...process.env, WEBHOOK_SECRET: secret, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [first] = await once(lines, 'line');
  const url = `http://127.0.0.1:${String(first).split(' ')[1]}/hooks`;
  await server.ask('PATCH', `/webhooks/${id}`, { body: { url } });
  const said = once(lines, 'line');
  await server.ask('POST', `/webhooks/${id}/test`);
  expect(String((await said)[0]).trim()).toBe('ping');
  const forged = await fetch(url, {
    method: 'POST',
    headers: { 'webhook-id': 'evt_1', 'webhook-timestamp': '1', 'webhook-signature': 'v1,AAAA' },
    body: '{}',
  });
  expect(forged.status).toBe(401);
});
