import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import type { InboundEvent } from '../../../src/messages/inbound-event.ts';
import { runCli, startCli } from '../../support/cli-process.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import {
  ackEvent,
  messageEvent,
  ownMessageEvent,
  reactionEvent,
  targetOf,
  voteEvent,
} from '../../support/inbound-events.ts';
import { openTcpFront, type TcpFront } from '../../support/tcp-front.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const files = new AsyncDisposableStack();
let server: TestServer;
let folder: TemporaryFolder;
let front: TcpFront;
let account: AccountId;
let accounts = 0;

beforeAll(async () => {
  server = files.use(await openTestServer());
  folder = files.use(await openTemporaryFolder());
});
afterAll(() => files.disposeAsync());
beforeEach(async () => {
  front = await openTcpFront(Number(new URL(server.url).port));
  accounts += 1;
  account = await server.makeAccount({ phoneNumber: `+49170000000${accounts}` });
});
afterEach(() => front[Symbol.asyncDispose]());

/** A message comes in, or is sent on the phone. */
async function receive(text: string, make = messageEvent): Promise<void> {
  await ingestEvents(server.db, account, [make(text, { text, at: Date.now() })], new Date());
}

/** Follows the account, and keeps what is printed. */
function follow(...args: readonly string[]) {
  const { child, result } = startCli(['messages', account, '--follow', ...args], {
    cwd: folder.path,
    env: { SWITCHBOARD_URL: front.url, SWITCHBOARD_API_KEY: server.key },
  });
  let printed = '';
  let look: () => void = () => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      printed += bytes.toString();
      look();
    });
  }
  return {
    result,
    async prints(text: string): Promise<void> {
      while (!printed.includes(text)) {
        await new Promise<void>((resolve) => {
          look = resolve;
        });
      }
    },
    stop: () => child.kill('SIGINT'),
  };
}

it('lists what there is, oldest first, and goes on with what comes, once each, also over an absence', async () => {
  await receive('first');
  await receive('second');
  const following = follow('--limit', '5');
  await following.prints('second');
  await receive('third');
  await following.prints('third');
  await receive('from the phone', ownMessageEvent);
  await following.prints('from the phone');
  front.turn(null);
  await receive('while cut off');
  front.turn(Number(new URL(server.url).port));
  await following.prints('while cut off');
  await receive('last');
  await following.prints('last');
  following.stop();
  const { code, out, error } = await following.result;
  expect([code, error]).toEqual([130, expect.any(String)]);
  const lines = out.trim().split('\n');
  const texts = ['first', 'second', 'third', 'from the phone', 'while cut off', 'last'];
  expect(lines.map((line, nth) => line.endsWith(texts[nth] ?? ''))).toEqual(texts.map(() => true));
  expect(lines[3]).toContain('  >  ');
}, 60_000);

it('prints a line of JSON for each, of those that are asked for alone', async () => {
  const following = follow('--json', '--direction', 'incoming');
  // Printed once it follows, whether it was listed or told.
  await receive('one');
  await following.prints('"one"');
  await receive('mine', ownMessageEvent);
  await receive('two');
  await following.prints('"two"');
  following.stop();
  const { out } = await following.result;
  const lines = out.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).text)).toEqual(['one', 'two']);
}, 60_000);

it('shows a message again that is reacted to, also one of before, and a poll that is voted in', async () => {
  const poll = { question: 'When?', options: ['now', 'later'], multipleAnswers: false };
  const ingest = (...events: InboundEvent[]) => ingestEvents(server.db, account, events, new Date());
  await ingest(messageEvent('long ago', { text: 'long ago', at: Date.now() - 900_000 }));
  await ingest(messageEvent('read', { text: 'read', at: Date.now() - 900_000 }));
  await ingest(messageEvent('vote', { text: 'When?', type: 'poll', poll, at: Date.now() - 1_000 }));
  const following = follow('--limit', '1');
  await following.prints('When?');
  const at = Date.now();
  await ingest(ackEvent('read', 3, at, targetOf('read')));
  await ingest(voteEvent('vote', [1], at));
  await following.prints('later: 1');
  await ingest(reactionEvent('long ago', '👍', at));
  await following.prints('👍');
  await ingest(reactionEvent('long ago', '👍', at + 1));
  await ingest(reactionEvent('long ago', '', at + 2));
  await receive('last');
  await following.prints('last');
  following.stop();
  const lines = (await following.result).out.trim().split('\n');
  expect(lines.map((line) => line.split('  ').slice(4).join('  '))).toEqual([
    '[poll] When?',
    '[poll] When?  later: 1',
    'long ago  👍',
    'long ago',
    'last',
  ]);
}, 60_000);

it('ends with the reason once its key is revoked', async () => {
  const key = await server.makeKey('admin');
  await receive('seen');
  const { child, result } = startCli(['messages', account, '--follow'], {
    cwd: folder.path,
    env: { SWITCHBOARD_URL: front.url, SWITCHBOARD_API_KEY: key },
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const revoked_at = new Date();
  await server.db
    .updateTable('api_keys')
    .set({ revoked_at })
    .where('name', '=', 'test')
    .where('role', '=', 'admin')
    .execute();
  const { code, error } = await result;
  expect(code).toBe(4);
  expect(error).toContain('valid API key');
}, 60_000);

it('begins with as many as were asked for, and shows what comes to have the status that is asked for', async () => {
  for (const nth of ['one', 'two', 'three', 'four', 'five', 'six']) await receive(nth);
  const following = follow('--limit', '2');
  await following.prints('six');
  await receive('seven');
  await following.prints('seven');
  following.stop();
  const lines = (await following.result).out.trim().split('\n');
  expect(lines.map((line) => line.split('  ').at(-1))).toEqual(['five', 'six', 'seven']);

  const delivered = follow('--status', 'delivered', '--direction', 'outgoing', '--json');
  await receive('on its way', ownMessageEvent);
  await ingestEvents(server.db, account, [ackEvent('on its way', 2, Date.now())], new Date());
  await delivered.prints('on its way');
  delivered.stop();
  expect(JSON.parse((await delivered.result).out)).toMatchObject({ text: 'on its way', status: 'delivered' });
}, 60_000);

it('says once that the daemon is away, and that it is back', async () => {
  await receive('first');
  const following = follow();
  await following.prints('first');
  front.turn(null);
  await following.prints('The daemon is away; waiting for it.');
  front.turn(Number(new URL(server.url).port));
  await following.prints('The daemon is back.');
  await receive('second');
  await following.prints('second');
  following.stop();
  const { out, error } = await following.result;
  expect(out.trim().split('\n')).toHaveLength(2);
  expect(error.trim().split('\n').slice(0, 2)).toEqual([
    'The daemon is away; waiting for it.',
    'The daemon is back.',
  ]);
}, 60_000);

it('ends at once where no daemon answers, and where there is no such account', async () => {
  const env = { SWITCHBOARD_URL: 'http://127.0.0.1:9', SWITCHBOARD_API_KEY: server.key };
  const nobody = await runCli(['messages', account, '--follow'], { cwd: folder.path, env });
  expect([nobody.code, nobody.error]).toEqual([3, expect.stringContaining('No daemon answers')]);
  const place = { cwd: folder.path, env: { ...env, SWITCHBOARD_URL: server.url } };
  const none = await runCli(['messages', randomUUID(), '--follow'], place);
  expect(none.code).toBe(5);
}, 60_000);
