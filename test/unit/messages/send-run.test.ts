import { afterEach, expect, it, vi } from 'vitest';
import { makeAccountId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import type { ConnectedSession } from '../../../src/channels/channel.ts';
import type { Executor } from '../../../src/db/database.ts';
import type { HandedMessage } from '../../../src/db/outbox-store.ts';
import { SendRun } from '../../../src/messages/send-run.ts';
import { openMedia } from '../../support/local-media.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silentLog } from '../../support/silent-log.ts';

const EPOCH = 7;
vi.mock('../../../src/db/send-claim.ts', () => ({ nextClaimEpoch: async () => EPOCH }));

afterEach(() => vi.useRealTimers());

function makeRun(signal = new AbortController().signal): SendRun {
  const deps = {
    db: {} as Executor,
    openMedia,
    instanceId: parseInstanceId('one'),
    clock: new ManualClock(),
    log: silentLog,
    messageRateLimit: 0,
  };
  const session = { accountId: makeAccountId() } as ConnectedSession;
  return new SendRun(deps, { session, signal, handovers: new Map() });
}

it('waits for the database no longer than its deadline', async () => {
  vi.useFakeTimers();
  const answer = makeRun().query(new Promise(() => undefined));
  const refused = expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await vi.advanceTimersByTimeAsync(15_000);
  await refused;
});

it('claims nothing before it has its number, nor after its connection', async () => {
  const write = vi.fn(async () => ({ kind: 'claimed' }));
  await expect(makeRun().claim(makeMessageId(0), write)).rejects.toThrow('has not begun');
  await expect(makeRun(AbortSignal.abort()).claim(makeMessageId(0), write)).rejects.toThrow();
  expect(write).not.toHaveBeenCalled();
});

it.each([['later'], ['gone'], ['full'], ['claimed']])(
  'takes no message for given that a claim was lost of, whatever the next one says (%s), until the page is called',
  async (kind) => {
    const run = makeRun();
    await run.begin();
    const id = makeMessageId(0);
    const message = { id, claim: { epoch: EPOCH } } as HandedMessage;
    expect(run.isGivenHere(message)).toBe(true);
    await expect(run.claim(id, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect(run.isGivenHere(message)).toBe(false);
    await run.claim(id, async () => ({ kind }));
    expect(run.isGivenHere(message)).toBe(false);
    run.give(id);
    expect(run.isGivenHere(message)).toBe(true);
  },
);
