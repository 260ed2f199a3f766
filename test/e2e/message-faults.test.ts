import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultSpec, Phone } from '../../simulator/client.ts';
import { MAX_HANDOVERS } from '../../src/messages/send-outcome.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { scaled } from '../support/scale.ts';
import { openStage, type Stage } from '../support/stage.ts';

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

let stage: Stage;
let alice: Phone;
let shop: Phone;
let accountId: string;
let count = 0;

beforeAll(async () => {
  stage = await openStage();
  alice = await stage.world.phone('alice');
});

beforeEach(async () => {
  count += 1;
  shop = await stage.world.phone(`shop-${count}`);
  accountId = await stage.link(shop);
});

afterEach(async () => {
  await stage.world.faults.clear();
  await stage.api.call('POST', `/disconnect/${accountId}`);
});

afterAll(async () => {
  const missing = await stage.world.missingModules();
  const output = stage.daemon().output();
  expect(await stage.daemon().stop()).toBe(0);
  expect(stage.browsers()).toEqual([]);
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
  expect(output).not.toMatch(/nobody caught|belongs to no session|unhandled/i);
});

const set = (spec: FaultSpec) => stage.world.faults.set({ ...spec, phone: shop.name });
const send = (text: string) => stage.api.send(accountId, { to: `+${alice.number}`, text });
const equalsTruth = async () =>
  expect(await settleWithTruth(stage.api, stage.world, { accountId, phone: shop })).toMatchObject(EQUAL);
const until = (messageId: string, status: string) =>
  stage.api.message(
    accountId,
    `message ${messageId} in status ${status}`,
    (message) => message.messageId === messageId && message.status === status,
  );
const carried = async (text: string) =>
  (await stage.world.truth()).messages.filter((each) => each.text === text && each.from === shop.number);

/** The browser's processes of the account, by what their command line has. */
function processes(text: string): number[] {
  const profile = `session-${accountId}`;
  const commandLines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [{ pid: Number(name), line: readFileSync(join('/proc', name, 'cmdline'), 'utf8') }];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
  return commandLines
    .filter(({ line }) => line.includes(profile) && line.includes(text))
    .map(({ pid }) => pid);
}

describe('messages that come in', () => {
  const stream = (text: string) =>
    stage.world.burst({
      from: ['alice', 'bob'],
      to: shop,
      count: scaled(150, 1_200),
      rate: 150,
      text,
      background: true,
    });

  it('while the page reloads are all stored once (A14, F4, M5)', async () => {
    await stream('over a reload');
    await stage.world.waitFor({ message: { text: 'over a reload 30' } });
    await shop.page({ do: 'reload' });
    await stage.world.waitFor(
      { message: { text: `over a reload ${scaled(150, 1_200)}` } },
      { timeoutMs: 60_000 },
    );
    await equalsTruth();
  });

  it('while the line is down are all stored once (F1, M6)', async () => {
    await stream('over a drop');
    await stage.world.waitFor({ message: { text: 'over a drop 30' } });
    await shop.page({ do: 'drop', ms: 700, toggleSync: true });
    await stage.world.waitFor(
      { message: { text: `over a drop ${scaled(150, 1_200)}` } },
      { timeoutMs: 60_000 },
    );
    await equalsTruth();
  });

  it('while the browser is killed are all stored once (A10, F7, F40)', async () => {
    await stream('over a kill');
    await stage.world.waitFor({ message: { text: 'over a kill 30' } });
    for (const pid of processes('--switchboard-account')) process.kill(pid, 'SIGKILL');
    await stage.world.waitFor(
      { message: { text: `over a kill ${scaled(150, 1_200)}` } },
      { timeoutMs: 60_000 },
    );
    await equalsTruth();
  });

  it('live while the session starts are all stored once, in the order of each chat (A14, F4, M4)', async () => {
    for (const pid of processes('--switchboard-account')) process.kill(pid, 'SIGKILL');
    const count = 1_500;
    const burst = { from: ['alice', 'bob'], to: shop, count, rate: 150, text: 'at a start' };
    await stage.world.burst({ ...burst, background: true });
    await stage.world.waitFor({ message: { text: `at a start ${count}` } }, { timeoutMs: 60_000 });
    await equalsTruth();
    const { messages } = await stage.world.truth();
    const stored = (await stage.api.messages(accountId)).toReversed();
    for (const { number, jid } of [alice, await stage.world.phone('bob')]) {
      const told = messages.filter(({ from, text }) => from === number && text?.startsWith('at a start'));
      const rows = stored.filter(({ chatId, text }) => chatId === jid && text?.startsWith('at a start'));
      expect(told.length).toBeGreaterThan(0);
      expect(rows.map(({ text }) => text)).toEqual(told.map(({ text }) => text));
    }
  });

  it.each<[string, FaultSpec]>([
    ['between the connection and the sync (M1)', { kind: 'offline', mode: 'before-sync' }],
    ['at the sync (M2)', { kind: 'offline', mode: 'after-sync', delayMs: 0 }],
    ['as news at the sync (M2)', { kind: 'offline', mode: 'after-sync', delayMs: 20, isNewMsg: true }],
    [
      'as no news, well after the sync (M3)',
      { kind: 'offline', mode: 'after-sync', delayMs: 100, isNewMsg: false },
    ],
    [
      'as news, well after the sync (M3)',
      { kind: 'offline', mode: 'after-sync', delayMs: 600, isNewMsg: true },
    ],
  ])('while it was away and are delivered %s are all stored once (A14)', async (_title, fault) => {
    await set(fault);
    // No restart of the daemon is needed: the page alone comes back.
    for (const pid of processes('--switchboard-account')) process.kill(pid, 'SIGKILL');
    await stage.world.burst({ from: ['alice', 'bob'], to: shop, count: 100, text: 'queued' });
    await stage.world.waitFor({ drained: shop.name });
    await equalsTruth();
  });

  it('while the line was down and were queued are all stored once (M7)', async () => {
    await shop.page({ do: 'drop', ms: 1_500 });
    await stage.world.burst({ from: ['alice', 'bob'], to: shop, count: 50, text: 'in the gap' });
    await stage.world.waitFor({ drained: shop.name });
    await equalsTruth();
  });

  it('while the browser was dead are all stored once (M8)', async () => {
    for (const pid of processes('--switchboard-account')) process.kill(pid, 'SIGKILL');
    await stage.world.waitFor({ away: shop.name });
    await stage.world.burst({ from: ['alice', 'bob'], to: shop, count: 20, text: 'to the dead' });
    await equalsTruth();
  });

  it('that only the page had when the daemon was killed are stored once (A23)', async () => {
    await shop.page({ do: 'hold' });
    const { ids } = await stage.world.burst({
      from: ['alice', 'bob'],
      to: shop,
      count: 20,
      text: 'page alone',
    });
    for (const id of ids) await stage.world.waitFor({ receipted: id, phone: shop.name });
    expect(
      (await stage.api.messages(accountId)).filter(({ text }) => text?.startsWith('page alone')),
    ).toEqual([]);
    await stage.daemon().kill();
    await stage.start();
    await stage.api.reached(accountId, 'Connected');
    await equalsTruth();
  });
});

describe('messages that go out', () => {
  it('while the page reloads are all carried once (F3)', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      ids.push(await send(`out ${n}`));
      if (n === 10) await shop.page({ do: 'reload' });
    }
    for (const id of ids) await until(id, 'delivered');
    await equalsTruth();
  });

  it('while the browser is killed are all carried once (A22, F40)', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      ids.push(await send(`hard ${n}`));
      if (n === 20) for (const pid of processes('--switchboard-account')) process.kill(pid, 'SIGKILL');
    }
    for (const id of ids) await until(id, 'delivered');
    await equalsTruth();
  });

  it('while the line is down are carried once when it is back (F1)', async () => {
    await until(await send('a chat that is known'), 'delivered');
    await shop.page({ do: 'drop', ms: 1_000 });
    const ids = [await send('first in the gap'), await send('second in the gap')];
    for (const id of ids) await until(id, 'delivered');
    expect(await carried('first in the gap')).toHaveLength(1);
  });

  it('while the line is down for longer leave as soon as it is back (F1)', async () => {
    await until(await send('known for long'), 'delivered');
    await shop.page({ do: 'drop', ms: 8_000 });
    await stage.world.waitFor({ away: shop.name });
    const id = await send('in a long gap');
    await stage.world.waitFor({ connected: shop.name });
    // By then it was tried after 1, 2 and 4 s, and the next pause has 7 s to go.
    await stage.world.waitFor({ message: { text: 'in a long gap' } }, { timeoutMs: 4_000 });
    await until(id, 'delivered');
  });

  describe('to one chat, in their order,', () => {
    const LATE_MS = 1_500;
    const sentTexts = async () =>
      (await stage.world.messages({ phone: shop }))
        .filter(({ from }) => from === shop.number)
        .map(({ text }) => text);

    beforeEach(() => stage.world.settings({ resendMs: LATE_MS }));
    afterEach(() => stage.world.settings({ resendMs: 0 }));

    /** Takes the page from its line for a moment; resolves when it says CONNECTED again. */
    async function interrupt(action: Parameters<Phone['page']>[0]): Promise<void> {
      await shop.page(action);
      await stage.world.waitFor({ away: shop.name });
      await stage.world.waitFor({ connected: shop.name });
    }

    it('over a line that drops and a page that is slow to send its outbox again (F1)', async () => {
      const texts: string[] = [];
      const ids: string[] = [];
      const sendMore = async (count: number) => {
        for (let n = 0; n < count; n += 1) {
          texts.push(`steady ${texts.length}`);
          ids.push(await send(`steady ${ids.length}`));
        }
      };
      for (let drop = 0; drop < 3; drop += 1) {
        await sendMore(10);
        const interrupted = interrupt({ do: 'drop', ms: 300 });
        await sendMore(5);
        await interrupted;
      }
      await sendMore(10);
      for (const id of ids) await until(id, 'delivered');
      expect(await sentTexts()).toEqual(texts);
    });

    it.each<[string, Parameters<Phone['page']>[0]]>([
      ['the line is made anew', { do: 'drop', ms: 300 }],
      ['the page is loaded anew', { do: 'reload' }],
    ])('when %s and the page has some of them still (F1, F3, F34)', async (_title, action) => {
      await until(await send('known'), 'delivered');
      const { id: fault } = await set({ kind: 'send', mode: 'drop', count: 1 });
      const ids = [await send('stuck')];
      await stage.world.waitFor({ fault, struck: 1 });
      await interrupt(action);
      ids.push(await send('behind 1'), await send('behind 2'));
      for (const id of ids) await until(id, 'delivered');
      expect(await sentTexts()).toEqual(['known', 'stuck', 'behind 1', 'behind 2']);
    });
  });

  it('and are refused by the network fail with its reason (A15, F33)', async () => {
    await set({ kind: 'send', mode: 'fail', error: 463, count: 1 });
    const message = await until(await send('locked'), 'failed');
    expect(message.failedReason).toContain('463');
    expect(await carried('locked')).toHaveLength(0);
    await until(await send('open again'), 'delivered');
  });

  it('and are refused by the page each time fail with its words (F35)', async () => {
    await set({ kind: 'send', mode: 'refuse', text: 'not today', count: MAX_HANDOVERS });
    const refused = await send('refused');
    const next = await send('accepted');
    expect((await until(refused, 'failed')).failedReason).toContain('not today');
    await until(next, 'delivered');
    expect(await carried('refused')).toHaveLength(0);
  });

  it('and are refused by the page for a while are carried once, in their order (F35)', async () => {
    await set({ kind: 'send', mode: 'refuse', text: 'not now', count: 2 });
    const ids = [await send('in a while'), await send('behind it')];
    for (const id of ids) await until(id, 'delivered');
    expect(await carried('in a while')).toHaveLength(1);
    const texts = (await stage.world.truth()).messages.flatMap(({ text }) => text ?? []);
    expect(texts.indexOf('in a while')).toBeLessThan(texts.indexOf('behind it'));
  });

  it.each([
    ['noack', 'sent'],
    ['drop', 'delivered'],
  ] as const)(
    'and are answered by nobody (%s) stay pending, are %s when the page asks again, and never doubled (A15, F34)',
    async (mode, status) => {
      await set({ kind: 'send', mode, count: 1 });
      // What was taken is delivered as well; the sender is not told of that either.
      if (mode === 'noack') await set({ kind: 'ack', mode: 'drop', levels: [2], count: 1 });
      const silent = await send(`silence ${mode}`);
      await until(await send(`heard ${mode}`), 'delivered');
      expect((await until(silent, 'pending')).whatsappMessageId).not.toBeNull();
      expect((await carried(`silence ${mode}`)).length).toBeLessThanOrEqual(1);
      await shop.page({ do: 'reload' });
      await until(silent, status);
      expect(await carried(`silence ${mode}`)).toHaveLength(1);
    },
  );

  it('are sent when the question for the number failed at first (A16, F37)', async () => {
    await set({ kind: 'lookup', mode: 'fail', count: 1 });
    const bob = await stage.world.phone(`bob-${count}`);
    const messageId = await stage.api.send(accountId, { to: `+${bob.number}`, text: 'asked twice' });
    await until(messageId, 'delivered');
  });

  describe('whose file cannot be uploaded', () => {
    const media = { data: Buffer.from('%PDF-1.4 x').toString('base64'), mimeType: 'application/pdf' };
    const sendFile = () => stage.api.send(accountId, { to: `+${alice.number}`, media });

    it('fail with the reason if it never can, and hold up nothing else (F38)', async () => {
      await set({ kind: 'upload', mode: 'fail' });
      const messageId = await sendFile();
      const behind = await send('a text');
      const bob = await stage.world.phone('bob');
      await until(await stage.api.send(accountId, { to: `+${bob.number}`, text: 'beside' }), 'delivered');
      expect((await until(messageId, 'failed')).failedReason).toBeTruthy();
      await until(behind, 'delivered');
    });

    it('are carried once as soon as it can (F38)', async () => {
      await set({ kind: 'upload', mode: 'fail', count: 2 });
      await until(await sendFile(), 'delivered');
      await equalsTruth();
    });
  });

  it('do not mark chats as read (A17)', async () => {
    const { id } = await alice.send(shop, 'unread');
    await stage.api.message(accountId, 'the unread message', (each) => each.text === 'unread');
    await until(await send('an answer'), 'delivered');
    expect((await stage.world.message(id)).ack).toBe(2);
  });
});

describe('acks', () => {
  it('that come late and out of order move the status forward only', async () => {
    await set({ kind: 'ack', mode: 'delay', delayMs: 600, levels: [1], count: 1 });
    const messageId = await send('slow ack');
    const message = await until(messageId, 'delivered');
    const bareId = String(message.whatsappMessageId).split('_')[2] ?? '';
    await alice.read(shop);
    await until(messageId, 'read');
    await stage.world.ack({ id: bareId, ack: 1 });
    await until(await send('next'), 'delivered');
    expect((await until(messageId, 'read')).status).toBe('read');
  });

  it('that changed while the browser was away are caught up (A15)', async () => {
    const messageId = await send('read meanwhile');
    await until(messageId, 'delivered');
    for (const pid of processes('--switchboard-account')) process.kill(pid, 'SIGKILL');
    await alice.read(shop);
    await until(messageId, 'read');
  });
});

describe('incoming messages that are seen on the phone', () => {
  const stored = (text: string, status: string) =>
    stage.api.message(
      accountId,
      `${text}, ${status}`,
      (each) => each.text === text && each.status === status,
    );

  it('become read, and no others do', async () => {
    const bob = await stage.world.phone('bob');
    for (const text of ['one', 'two']) await alice.send(shop, text);
    await bob.send(shop, 'of another chat');
    await stored('of another chat', 'delivered');
    for (const text of ['one', 'two']) expect((await stored(text, 'delivered')).readAt).toBeNull();
    await shop.read(alice);
    for (const text of ['one', 'two']) expect((await stored(text, 'read')).readAt).not.toBeNull();
    await alice.send(shop, 'three');
    await stored('three', 'delivered');
    await stored('of another chat', 'delivered');
  });
});
