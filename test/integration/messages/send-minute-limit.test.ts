import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NetworkSession } from '../../support/fake-network.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  ALICE,
  openSenderDatabase,
  RATE_LINE,
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

describe('the per-minute limit', () => {
  it('delays, without losing time, and also after a restart', async () => {
    await stage.restart({ messageRateLimit: 2 });
    for (const body of ['1', '2', '3', '4']) await stage.accept(body);
    const limited = stage.log.next(RATE_LINE);
    const { leave } = stage.connect();
    expect((await limited).fields).toMatchObject({ delayMs: 60_000 });
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);

    await leave();
    stage.clock.advance(20_000);
    await stage.restart({ messageRateLimit: 2 });
    const stillLimited = stage.log.next(RATE_LINE);
    stage.connect();
    expect((await stillLimited).fields).toMatchObject({ delayMs: 40_000 });
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);

    const limitedAgain = stage.log.next(RATE_LINE);
    await stage.accept('5');
    await limitedAgain;
    const full = stage.log.next(RATE_LINE);
    stage.advance(40_000);
    expect((await full).fields).toMatchObject({ delayMs: 60_000 });
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
  });

  it('goes by the clock as it was set, also back', async () => {
    await stage.restart({ messageRateLimit: 2 });
    for (const body of ['1', '2', '3']) await stage.accept(body);
    const limited = stage.log.next(RATE_LINE);
    stage.connect();
    await limited;
    stage.clock.set(-3_600_000);
    const limitedAgain = stage.log.next(RATE_LINE);
    for (const body of ['4', '5']) await stage.accept(body);
    expect((await limitedAgain).fields).toMatchObject({ delayMs: 60_000 });
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
    const third = stage.acksWritten(1);
    stage.advance(60_000);
    await third;
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2', '3', '4', '5']);
  });
});

describe('two daemons that both hold the account', () => {
  it('hand no more over within a minute than one may', async () => {
    await stage.sender[Symbol.asyncDispose]();
    const daemons = [new RecordingLogger(), new RecordingLogger()].map((own) => {
      stage.log = own;
      return { log: own, sender: stage.openSender({ messageRateLimit: 3 }) };
    });
    for (let nth = 0; nth < 10; nth += 1) await stage.accept('x', { to: `4917000001${nth}0@c.us` });
    const limited = daemons.map((daemon) => daemon.log.next(RATE_LINE));
    const connection = new AbortController();
    const ended = daemons.map((daemon) => {
      const session = new NetworkSession(stage.account.id, { network: stage.network, page: new Map() });
      return daemon.sender.run(session, connection.signal);
    });
    await Promise.all(limited);
    for (const daemon of daemons) {
      stage.log = daemon.log;
      stage.sender = daemon.sender;
      await stage.settled();
    }
    connection.abort();
    await Promise.all(ended);
    expect((await stage.rows()).filter((row) => row.handed_at !== null)).toHaveLength(3);
  });
});
