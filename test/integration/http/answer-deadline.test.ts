import { sql } from 'kysely';
import { afterEach, expect, it, vi } from 'vitest';
import { type Answer, openTestServer } from '../../support/http-server.ts';

const ANSWER_WITHIN_MS = 120_000;

afterEach(() => void vi.useRealTimers());

/** What comes of a request during which two minutes pass once `began` has resolved. */
async function askAndWait(ask: () => Promise<Answer>, began: () => Promise<unknown>): Promise<Answer> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const asked = ask();
  asked.catch(() => undefined);
  await began();
  vi.advanceTimersByTime(ANSWER_WITHIN_MS);
  vi.useRealTimers();
  return asked;
}

it('answers 503 in time though the body has come long ago, and drops what the handler says later', async () => {
  const [began, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const finished = Promise.withResolvers<void>();
  const accept = async () => {
    began.resolve();
    await goOn.promise;
    finished.resolve();
    return [];
  };
  await using plain = await openTestServer();
  await using server = await openTestServer({ outbox: { ...plain.deps.outbox, acceptAll: accept } });
  const id = await server.makeAccount({ phoneNumber: '+491700000001' });
  const body = { items: [{ to: '+491700000002', text: 'hi' }] };
  const answer = await askAndWait(
    () => server.ask('POST', `/accounts/${id}/messages/bulk`, { body }),
    () => began.promise,
  );
  expect(answer.status).toBe(503);
  expect(answer.body).toEqual({
    success: false,
    error: {
      code: 'UNAVAILABLE',
      message: expect.any(String),
      requestId: answer.headers.get('x-request-id'),
    },
  });
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  goOn.resolve();
  await finished.promise;
  expect((await server.ask('GET', `/accounts/${id}`)).status).toBe(200);
  expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

it('cuts off an answer that hangs while it is entered in the audit log, and outlives that it goes on', async () => {
  await using server = await openTestServer();
  const [locked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = server.db.transaction().execute(async (trx) => {
    await sql`lock table audit_log`.execute(trx);
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  const isWaiting = () =>
    vi.waitFor(async () => {
      const { rows } = await sql`
        select from pg_locks where not granted and relation = 'audit_log'::regclass`.execute(server.db);
      expect(rows).toHaveLength(1);
    });
  await expect(
    askAndWait(() => server.ask('PATCH', '/settings', { body: { retentionDays: 30 } }), isWaiting),
  ).rejects.toThrow();
  release.resolve();
  await holding;
  await vi.waitFor(async () => {
    const { data } = (await server.ask('GET', '/audit')).body;
    expect(data.map(({ action }: { action: string }) => action)).toEqual(['changeSettings']);
  });
});
