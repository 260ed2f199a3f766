import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lockLimits } from '../../../src/db/slot-store.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { PageScript } from '../../support/fake-network.ts';
import { ackEvent, ownMessageEvent } from '../../support/inbound-events.ts';
import {
  ALICE,
  BOB,
  FILE,
  openSenderDatabase,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';

let database: SenderDatabase;
let stage: SenderStage;

beforeAll(async () => {
  database = await openSenderDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  stage = await SenderStage.open(database.db);
});
afterEach(() => stage[Symbol.asyncDispose]());

async function cancel(chatId: string): Promise<void> {
  await stage.db
    .updateTable('messages')
    .set({ status: 'cancelled' })
    .where('account_id', '=', stage.account.id)
    .where('chat_id', '=', chatId)
    .where('status', '=', 'pending')
    .execute();
}

describe('sending', () => {
  it('fails what WhatsApp refuses, with the reason, and goes on', async () => {
    const script: PageScript = {
      onPrepare(to) {
        if (to === BOB) throw new AppError('NOT_ON_WHATSAPP');
      },
      onSend(_prepared, content) {
        if (content.kind === 'text' && content.text === 'bad') {
          throw new AppError('NOT_ON_WHATSAPP', { message: 'Not that.' });
        }
      },
    };
    await stage.accept('to nobody', { to: BOB });
    await stage.accept('bad');
    const refused = await stage.accept('good');
    await stage.accept('re', { replyTo: refused });
    stage.connect(script);
    await stage.settled();
    expect(await stage.rows()).toMatchObject([
      { status: 'failed', failed_code: 'NOT_ON_WHATSAPP', handed_at: null },
      { status: 'failed', failed_code: 'NOT_ON_WHATSAPP', failed_reason: 'Not that.' },
      { status: 'sent' },
      { status: 'sent' },
    ]);
  });

  it('fails it also if the database cuts that off, and gives its slot back', async () => {
    await stage.accept('1');
    const goesOn = Promise.withResolvers<void>();
    let holder = Promise.resolve();
    stage.connect({
      async onSend() {
        const held = Promise.withResolvers<void>();
        holder = stage.db.transaction().execute(async (trx) => {
          await lockLimits(trx, stage.account.id);
          held.resolve();
          await goesOn.promise;
        });
        await held.promise;
        throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    const cutOff = async () => {
      const { rows } = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(stage.db);
      return rows.length;
    };
    await expect.poll(cutOff).toBe(1);
    goesOn.resolve();
    await holder;
    await stage.settled();
    expect(await stage.rows()).toMatchObject([
      { status: 'failed', failed_code: 'NOT_ON_WHATSAPP', slot_date: null },
    ]);
    expect(await stage.usage()).toMatchObject([{ sent: 0, failed: 1, taken: 0 }]);
  });

  describe('what the page throws', () => {
    const PAUSES_MS = [1_000, 2_000, 4_000, 8_000];

    /** The page throws so often at the first message. */
    function throwing(times: number): PageScript & { readonly tried: string[] } {
      const tried: string[] = [];
      return {
        tried,
        onSend({ key }, content) {
          if (content.kind !== 'text' || content.text !== '1') return;
          tried.push(key.bareId);
          if (tried.length <= times)
            throw new AppError('SEND_REFUSED', { message: `Not now ${tried.length}.` });
        },
      };
    }

    async function usage() {
      return (await stage.usage()).map(({ sent, failed, taken }) => ({ sent, failed, taken }))[0];
    }

    it('is tried again under its id, and its chat keeps its order meanwhile', async () => {
      await stage.accept('1');
      await stage.accept('2');
      await stage.accept('3', { to: BOB });
      const script = throwing(4);
      stage.connect(script);
      await stage.settled();
      expect(await stage.rows()).toMatchObject([
        { status: 'pending', unknown_since: null },
        { status: 'pending', handed_at: null },
        { status: 'sent' },
      ]);
      await stage.passEach(PAUSES_MS, () => expect(stage.network.textsOf(ALICE)).toEqual([]));
      expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
      expect(script.tried).toHaveLength(5);
      expect(new Set(script.tried)).toEqual(new Set([(await stage.rows())[0]?.bare_id]));
      expect(await usage()).toEqual({ sent: 3, failed: 0, taken: 3 });
    });

    it('fails with its words if it does not stop, gives its slot back, and lets the next one go', async () => {
      await stage.accept('1');
      await stage.accept('2');
      const script = throwing(Number.POSITIVE_INFINITY);
      stage.connect(script);
      await stage.settled();
      for (const pauseMs of PAUSES_MS) {
        expect((await stage.rows())[0]?.status).toBe('pending');
        await stage.pass(pauseMs);
      }
      expect(await stage.rows()).toMatchObject([
        { status: 'failed', failed_code: 'SEND_REFUSED', failed_reason: 'Not now 5.', slot_date: null },
        { status: 'sent' },
      ]);
      expect(script.tried).toHaveLength(5);
      expect(await usage()).toEqual({ sent: 1, failed: 1, taken: 1 });
    });

    it('is not given again if the page turns out to hold it', async () => {
      await stage.accept('1');
      const script = throwing(1);
      const { session } = stage.connect(script);
      await stage.settled();
      session.page.set(script.tried[0] ?? '', 1);
      await stage.pass(1_000);
      expect(await stage.rows()).toMatchObject([{ status: 'sent' }]);
      expect(script.tried).toHaveLength(1);
    });

    it('is counted over connections', async () => {
      await stage.accept('1');
      const script = throwing(Number.POSITIVE_INFINITY);
      for (let count = 1; count <= 4; count += 1) {
        const { leave } = stage.connect(script);
        await stage.settled();
        await leave();
        expect((await stage.rows())[0]?.status).toBe('pending');
      }
      stage.connect(script);
      await stage.settled();
      expect(await stage.rows()).toMatchObject([{ status: 'failed', failed_reason: 'Not now 5.' }]);
    });
  });

  it('fails an answer to a message that never got a name', async () => {
    stage.openFile = async () => {
      throw new AppError('MEDIA_NOT_FOUND');
    };
    const lost = await stage.accept('lost', { content: FILE });
    await stage.accept('re', { replyTo: lost });
    stage.connect();
    await stage.settled();
    expect(await stage.rows()).toMatchObject([
      { status: 'failed', failed_code: 'MEDIA_NOT_FOUND' },
      {
        status: 'failed',
        failed_reason: 'The message that this one answers was never sent.',
        slot_date: null,
      },
    ]);
    expect(stage.network.given).toEqual([]);
  });

  it('fails a message whose ack is negative, and counts it once (fault F33)', async () => {
    await stage.accept('1');
    stage.connect({ ack: -1, reason: '463' });
    await stage.settled();
    expect(await stage.rows()).toMatchObject([
      { status: 'failed', failed_code: 'SEND_REFUSED', failed_reason: '463' },
    ]);
  });

  it('does not send what was cancelled while its recipient was being looked up', async () => {
    await stage.accept('1');
    stage.connect({ onPrepare: cancel });
    await stage.settled();
    expect(stage.network.given).toEqual([]);
    expect(await stage.rows()).toMatchObject([{ status: 'cancelled', handed_at: null }]);
  });
});

describe('acks and echoes', () => {
  it('meets its own echo and an ack that come before the page has answered', async () => {
    await stage.accept('1');
    stage.connect({
      ack: 0,
      async onSent(prepared) {
        const { key, chatId } = prepared;
        const at = stage.clock.now();
        const echo = ownMessageEvent(key.bareId, { key, chatId, text: '1', at, ack: 0 });
        const delivered = ackEvent(key.bareId, 2, at, { key, chatId });
        await stage.ingest(echo, delivered);
      },
    });
    await stage.settled();
    expect(await stage.rows()).toMatchObject([{ status: 'delivered', text: '1' }]);
  });

  it('meets an echo in either address dialect (fact A16)', async () => {
    const lid = '777@lid';
    await stage.accept('1', { to: lid });
    stage.connect({
      canonical: { [lid]: ALICE },
      async onSent({ key }) {
        const at = stage.clock.now();
        const echoes = [ALICE, lid].map((chatId) =>
          ownMessageEvent(key.bareId, { key: { ...key, chatId }, chatId, at }),
        );
        for (const echo of echoes) await stage.ingest(echo);
      },
    });
    await stage.settled();
    expect(await stage.rows()).toMatchObject([
      { chat_id: ALICE, phone_number: '+491700000001', status: 'sent' },
    ]);
  });
});
