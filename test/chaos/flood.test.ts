import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { callSideBySide } from '../support/callers.ts';
import { EQUAL_TO_TRUTH, type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import { untilFound } from '../support/patient-look.ts';
import { makeRandom } from '../support/random.ts';
import { scaled, seed } from '../support/scale.ts';
import { openStage, type Stage } from '../support/stage.ts';

const REQUESTS = scaled(1_000, 10_000);
const LIMIT = scaled(120, 1_500);
/** How long the last of what is sent may take: one chat takes one message after another. */
const PATIENCE = { patienceMs: scaled(120_000, 900_000) };
/** Requests under way at a time. */
const CALLERS = 40;
/** Of so many requests one is made twice at once, under one key. */
const DOUBLED_EVERY = 10;
const DAY_SECONDS = 24 * 3_600;
/** Which of the requests that come at once is the first is nobody's promise. */
const { disordered: _, ...COUNTED } = EQUAL_TO_TRUTH;

const random = makeRandom(seed);
let stage: Stage;
let alice: Phone;

beforeAll(async () => {
  console.log(`flood: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  stage = await openStage({ env: { API_RATE_LIMIT: '0' } });
  alice = await stage.world.phone('alice');
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.browsers()).toEqual([]);
});

/** Links an account with the day's limit, to which alice has written: what is sent to her are replies. */
async function openAccount(name: string): Promise<JudgedAccount> {
  const phone = await stage.world.phone(name);
  const accountId = await stage.link(phone);
  await stage.api.call('PATCH', `/accounts/${accountId}`, { dailyLimit: LIMIT });
  await alice.send(phone, 'I have a question');
  return { accountId, phone };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: { readonly data?: { readonly status: string }; readonly error?: { readonly code: string } };
}

/** What is answered in the end: a daemon that is away, or a first try that is still being accepted, is asked again. */
function ask({ accountId }: JudgedAccount, text: string, onLimit: 'reject' | 'defer'): Promise<Answer> {
  return untilFound(`An answer for ${text}`, async () => {
    const { url, ownerKey } = stage.daemon();
    const response = await fetch(`${url}/api/v1/whatsapp/accounts/${accountId}/messages`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': text,
        authorization: `Bearer ${ownerKey}`,
      },
      body: JSON.stringify({ to: `+${alice.number}`, text, onLimit }),
    });
    const body = (await response.json()) as Answer['body'];
    if (response.status >= 500 || body.error?.code === 'IDEMPOTENCY_IN_PROGRESS') return undefined;
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
  });
}

/** All answers, by the requests' texts; `halfway` is called when so many are there. */
async function flood(
  account: JudgedAccount,
  count: number,
  onLimit: 'reject' | 'defer',
  halfway: { readonly at: number; readonly strike: () => Promise<unknown> },
): Promise<Map<string, Answer[]>> {
  const answers = new Map<string, Answer[]>();
  let striking: Promise<unknown> = Promise.resolve();
  await callSideBySide({ count, callers: CALLERS }, async (index) => {
    const nth = index + 1;
    const text = `${account.phone.name} ${nth}`;
    const times = nth % DOUBLED_EVERY === 0 ? 2 : 1;
    const got = await Promise.all(Array.from({ length: times }, () => ask(account, text, onLimit)));
    answers.set(text, got);
    if (answers.size === halfway.at) striking = halfway.strike();
  });
  await striking;
  return answers;
}

const strike = async () => {
  await stage.daemon().kill();
  await stage.start();
};

const sentBy = async ({ phone }: JudgedAccount) =>
  (await stage.world.messages({ phone })).filter(({ from }) => from === phone.number);

it(`sends exactly the day's limit of ${LIMIT} when ${REQUESTS} requests come at once, also over a SIGKILL`, async () => {
  const account = await openAccount('refusing');
  const at = Math.floor(LIMIT * random.next());
  const answers = await flood(account, REQUESTS, 'reject', { at, strike });
  const accepted = [...answers].filter(([, [answer]]) => answer?.status === 202);
  for (const [text, [first, second]] of answers) {
    if (second) expect([text, second.status]).toEqual([text, first?.status]);
    if (first?.status === 202) continue;
    expect([first?.status, first?.body.error?.code]).toEqual([429, 'DAILY_LIMIT_EXCEEDED']);
    expect(Number(first?.retryAfter)).toSatisfy((seconds: number) => seconds >= 1 && seconds <= DAY_SECONDS);
  }
  const texts = accepted.map(([text]) => text).toSorted();
  const stored = await stage.api.messages(account.accountId);
  const outgoing = stored.filter(({ direction }) => direction === 'outgoing');
  expect(outgoing.map(({ text }) => text).toSorted()).toEqual(texts);
  expect(accepted).toHaveLength(LIMIT);
  expect(await settleWithTruth(stage.api, stage.world, account, PATIENCE)).toMatchObject(COUNTED);
  expect((await sentBy(account)).map(({ text }) => text).toSorted()).toEqual(texts);
  expect((await stage.api.account(account.accountId)).messagesSentToday).toBe(LIMIT);
});

it('keeps what is beyond the limit where that is asked for, and sends none of it', async () => {
  const account = await openAccount('deferring');
  const answers = await flood(account, LIMIT * 2, 'defer', { at: LIMIT, strike });
  const statuses = [...answers.values()].map(([answer]) => answer?.body.data?.status);
  expect(statuses.filter((status) => status === 'pending')).toHaveLength(LIMIT);
  expect(statuses.filter((status) => status === 'deferred')).toHaveLength(LIMIT);
  const isAllSent = async () => ((await sentBy(account)).length >= LIMIT ? true : undefined);
  await untilFound('The messages of the day', isAllSent, PATIENCE);
  const findAcknowledged = async () => {
    const stored = await stage.api.messages(account.accountId);
    const found = stored.filter(({ direction }) => direction === 'outgoing');
    return found.some(({ status }) => ['pending', 'sent'].includes(status)) ? undefined : found;
  };
  const outgoing = await untilFound('The acks of all that was sent', findAcknowledged, PATIENCE);
  expect(Map.groupBy(outgoing, ({ status }) => status).get('deferred')).toHaveLength(LIMIT);
  expect(await sentBy(account)).toHaveLength(LIMIT);
  expect((await stage.api.account(account.accountId)).messagesSentToday).toBe(LIMIT);
});
