import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ingestAddresses } from '../../../src/db/ingest-store.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { PageScript, PageStore } from '../../support/fake-network.ts';
import { ackEvent } from '../../support/inbound-events.ts';
import {
  ALICE,
  BOB,
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

describe('acks and echoes', () => {
  it('reads a message back that the server did not confirm within a minute (fact A15)', async () => {
    await stage.accept('1');
    const { session } = stage.connect({ ack: 0 });
    await stage.settled();
    expect(await stage.rows()).toMatchObject([{ status: 'pending', handed_at: expect.any(Date) }]);
    for (const [bareId] of session.page) session.page.set(bareId, 3);
    await stage.pass(59_999);
    expect(await stage.rows()).toMatchObject([{ status: 'pending' }]);
    await stage.pass(1);
    expect(await stage.rows()).toMatchObject([{ status: 'read', sent_at: expect.any(Date) }]);
  });

  it('does not hold a chat whose messages wait in the page for the server', async () => {
    stage.connect({ ack: 0 });
    for (const body of ['1', '2']) await stage.accept(body);
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
  });
});

describe('an outcome that is not known', () => {
  const unknownOnce = (left: boolean) => {
    let times = 1;
    return {
      [left ? 'onSent' : 'onSend']() {
        if (times-- > 0) throw new AppError('SEND_OUTCOME_UNKNOWN');
      },
    } satisfies PageScript;
  };

  it('is read from the page, and the message is not handed over again', async () => {
    await stage.accept('1');
    stage.connect(unknownOnce(true));
    await stage.settled();
    expect(await stage.rows()).toMatchObject([{ status: 'sent' }]);
    expect(stage.network.given).toHaveLength(1);
  });

  it('holds its chat alone, for a minute, and the page that was given it is not given it again', async () => {
    await stage.accept('1');
    await stage.accept('2');
    await stage.accept('3', { to: BOB });
    const { leave } = stage.connect(unknownOnce(false));
    await stage.settled();
    const since = new Date(stage.clock.now());
    expect(await stage.rows()).toMatchObject([
      { status: 'unknown', unknown_since: since },
      { status: 'pending' },
      { status: 'sent' },
    ]);
    await stage.pass(59_999);
    expect(stage.network.textsOf(ALICE)).toEqual([]);
    await stage.pass(1);
    expect(stage.network.textsOf(ALICE)).toEqual(['2']);
    for (let hour = 0; hour < 30; hour += 1) await stage.pass(3_600_000);
    expect(stage.network.textsOf(ALICE)).toEqual(['2']);
    const [unknown] = await stage.rows();
    expect(unknown).toMatchObject({ status: 'unknown', unknown_since: since });

    await leave();
    stage.connect();
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['2', '1']);
    const [sent] = await stage.rows();
    expect(sent).toMatchObject({ status: 'sent', bare_id: unknown?.bare_id, unknown_since: null });
  });

  describe('holds its chat after a restart', () => {
    /** The outcome stays unknown, the daemon is away for so long, and the new page cannot be asked so often. */
    async function comeBack(awayMs: number, faults: number): Promise<void> {
      await stage.accept('1');
      await stage.accept('2');
      const { leave } = stage.connect(unknownOnce(false));
      await stage.settled();
      await leave();
      stage.clock.advance(awayMs);
      stage.openSender();
      let left = faults;
      stage.connect({
        onFind() {
          if (left-- > 0) throw new AppError('SESSION_DEADLINE');
        },
      });
      await stage.settled();
      expect(stage.network.textsOf(ALICE)).toEqual([]);
    }

    it('for a minute from the first look on, however long nobody could look', async () => {
      await comeBack(300_000, Number.POSITIVE_INFINITY);
      await stage.pass(59_999);
      expect(stage.network.textsOf(ALICE)).toEqual([]);
      await stage.pass(1);
      expect(stage.network.textsOf(ALICE)).toEqual(['2']);
    });

    it('until it is handed over again, before the next one', async () => {
      await comeBack(300_000, 3);
      for (const pauseMs of [1_000, 2_000, 4_000]) {
        expect(stage.network.textsOf(ALICE)).toEqual([]);
        await stage.pass(pauseMs);
      }
      expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
    });
  });

  it('holds the chat under its other name too (fact A16)', async () => {
    const lid = '777@lid';
    await stage.accept('1');
    await stage.accept('2', { to: lid });
    stage.connect({ ...unknownOnce(false), canonical: { [lid]: ALICE } });
    await stage.settled();
    expect(stage.network.given).toEqual([]);
    await stage.pass(60_000);
    expect(stage.network.textsOf(ALICE)).toEqual(['2']);
  });

  it('holds the chat under the name that somebody learns meanwhile (fact A16)', async () => {
    const lid = '777@lid';
    await stage.accept('1', { to: lid });
    stage.connect(unknownOnce(false));
    await stage.settled();
    await ingestAddresses(stage.db, stage.account.id, [{ lid, phone: ALICE }], new Date(stage.clock.now()));
    await stage.accept('2');
    await stage.settled();
    expect(stage.network.given).toEqual([]);
    await stage.pass(60_000);
    expect(stage.network.textsOf(ALICE)).toEqual(['2']);
  });

  it('holds the chat under the name that the page tells with a later message (fact A16)', async () => {
    const lid = '777@lid';
    await stage.accept('1', { to: lid });
    stage.connect({ ...unknownOnce(false), lids: { [ALICE]: lid } });
    await stage.settled();
    await stage.accept('2');
    await stage.settled();
    expect(stage.network.given).toEqual([]);
    await stage.pass(60_000);
    expect(stage.network.textsOf(ALICE)).toEqual(['2']);
  });

  it('ends as soon as an event tells of the message', async () => {
    await stage.accept('1');
    await stage.accept('2');
    stage.connect(unknownOnce(false));
    await stage.settled();
    const [row] = await stage.rows();
    const ack = ackEvent(row?.bare_id ?? '', 1, stage.clock.now(), { chatId: ALICE });
    await stage.ingest(ack);
    await stage.pass(1_000);
    expect(stage.network.textsOf(ALICE)).toEqual(['2']);
    expect((await stage.rows()).map((r) => r.status)).toEqual(['sent', 'sent']);
  });

  it('is handed over by five pages at most if none ever shows it, and looked up ever after', async () => {
    await stage.accept('poison');
    await stage.accept('2');
    let given = 0;
    const poisoned: PageScript = {
      onSend(_prepared, content) {
        if (content.kind !== 'text' || content.text !== 'poison') return;
        given += 1;
        throw new AppError('SESSION_FAULT');
      },
    };
    for (let page = 0; page < 6; page += 1) {
      const { leave } = stage.connect(poisoned);
      await stage.settled();
      await leave();
    }
    expect(given).toBe(5);
    const page: PageStore = new Map();
    stage.connect(poisoned, { page });
    await stage.pass(60_000);
    const [poison, other] = await stage.rows();
    expect(poison).toMatchObject({ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' });
    expect(other).toMatchObject({ status: 'sent' });
    expect(stage.log.lines.filter((line) => line.level === 'error')).toHaveLength(1);

    page.set(poison?.bare_id ?? '', 1);
    await stage.pass(3_600_000);
    expect((await stage.rows())[0]).toMatchObject({ status: 'sent', failed_code: null, failed_reason: null });
  });

  it('stays open while the page does not answer, and the loop goes on', async () => {
    let deaf = 2;
    await stage.accept('1');
    stage.connect({
      ...unknownOnce(true),
      onFind() {
        if (deaf-- > 0) throw new AppError('SESSION_DEADLINE');
      },
    });
    await stage.settled();
    expect(await stage.rows()).toMatchObject([{ status: 'unknown' }]);
    await stage.pass(1_000);
    await stage.pass(2_000);
    expect(await stage.rows()).toMatchObject([{ status: 'sent' }]);
  });
});
