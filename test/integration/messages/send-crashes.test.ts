/** A daemon that is killed at each step of a message's way out, and another one after it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { AppError, type ErrorCode } from '../../../src/lib/errors.ts';
import { MESSAGE_STEPS, type MessageStep } from '../../../src/messages/message-step.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { FakeNetwork, NetworkSession, type PageScript, type PageStore } from '../../support/fake-network.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { SendProcess } from '../../support/send-process.ts';
import type { SendPlaces } from '../../support/send-program.ts';
import { silentLog } from '../../support/silent-log.ts';

const ALICE = '491700000001@c.us';
const TEXTS = ['1', '2'];
const WAY_OUT = MESSAGE_STEPS.slice(0, MESSAGE_STEPS.indexOf('ack-written') + 1);

let database: TestDatabase;
let opened: OpenDatabase;
let accountId: AccountId;
let network: FakeNetwork;

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: silentLog });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  accountId = await insertTestAccount(opened.db);
  network = new FakeNetwork();
});

function start(
  page: PageStore,
  { script, ...options }: Pick<SendPlaces, 'dieAt' | 'restoredFrom'> & { readonly script?: PageScript } = {},
): SendProcess {
  const session = new NetworkSession(accountId, { network, page }, script);
  return new SendProcess({ connection: database.connection, accountId, ...options }, session);
}

/** A daemon accepts two messages of one chat and dies when the first of them comes to the step. */
async function dieAt(step: MessageStep, page: PageStore, script: PageScript = {}): Promise<void> {
  await using process = start(page, { dieAt: step, script });
  await process.dies(ALICE, TEXTS);
  expect(process.steps.at(-1)).toBe(step);
}

/** The daemon starts again; whoever asked for the messages asks again. */
async function goOn(page: PageStore, options: Pick<SendPlaces, 'restoredFrom'> = {}): Promise<void> {
  await using process = start(page, options);
  for (const text of TEXTS) expect(await process.accept(ALICE, text)).toBeNull();
  await process.settles();
}

function rows() {
  return opened.db
    .selectFrom('messages')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('seq')
    .execute();
}

async function expectSentOnce(): Promise<void> {
  const stored = await rows();
  expect(stored.map(({ status }) => status)).toEqual(['sent', 'sent']);
  expect(network.carried.map(({ bareId }) => bareId)).toEqual(stored.map((row) => row.bare_id));
  expect(network.textsOf(ALICE)).toEqual(stored.map((row) => row.text));
  const usage = await opened.db
    .selectFrom('account_usage')
    .select(({ fn }) => [fn.sum<string>('sent').as('sent'), fn.sum<string>('failed').as('failed')])
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow();
  expect(usage).toEqual({ sent: '2', failed: '0' });
}

describe.each(WAY_OUT)('a daemon that is killed at "%s"', (step) => {
  it('has sent once what the next one knows to be sent', async () => {
    const page: PageStore = new Map();
    await dieAt(step, page);
    await goOn(page);
    await expectSentOnce();
    expect(network.given).toHaveLength(2);
  });

  it('has sent once also if its page forgot the message', async () => {
    await dieAt(step, new Map());
    await goOn(new Map());
    await expectSentOnce();
  });

  it('has sent nothing twice if its page comes back from an older copy', async () => {
    const restoredFrom = Date.now();
    await dieAt(step, new Map());
    await goOn(new Map(), { restoredFrom });
    expect(new Set(network.given).size).toBe(network.given.length);
    const [first, second] = await rows();
    if (first?.status === 'sent') return expect(second?.status).toBe('sent');
    expect(first).toMatchObject({ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' });
    // It waits for the first one, for a minute.
    expect(second?.status).toBe('pending');
  });
});

/** A page that takes no message, and says so with the code. */
function makeRefusing(code: ErrorCode): PageScript {
  return {
    onSend: () => {
      throw new AppError(code);
    },
  };
}

it('has sent once what the next one hands over again and dies', async () => {
  await dieAt('claim-committed', new Map());
  await dieAt('reclaim-committed', new Map());
  await goOn(new Map());
  await expectSentOnce();
});

it('has sent once what it died of not knowing', async () => {
  await dieAt('unknown-written', new Map(), makeRefusing('SEND_OUTCOME_UNKNOWN'));
  expect((await rows())[0]).toMatchObject({ status: 'unknown' });
  await goOn(new Map());
  await expectSentOnce();
});

it('never sends what it died of failing, and goes on with the rest', async () => {
  await dieAt('failure-written', new Map(), makeRefusing('SEND_REFUSED'));
  await goOn(new Map());
  expect((await rows()).map(({ status }) => status)).toEqual(['failed', 'sent']);
  expect(network.textsOf(ALICE)).toEqual(['2']);
});
