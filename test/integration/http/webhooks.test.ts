import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';
import { makeDeliveryCheck, makeWebhookDocument } from '../../support/openapi/delivery-check.ts';
import { openWebhookConsumer, type WebhookConsumer } from '../../support/webhook-consumer.ts';

const stack = new AsyncDisposableStack();
let server: TestServer;
let consumer: WebhookConsumer;
/** An owner of a tenant of its own. */
let key: string;
let tenant: string;
beforeAll(async () => {
  server = stack.use(await openTestServer({}, { allowPrivate: true }));
  consumer = stack.use(await openWebhookConsumer());
});
beforeEach(async () => {
  tenant = crypto.randomUUID();
  key = await server.makeKey('owner', tenant);
  consumer.answer = () => 200;
});
afterAll(() => stack.disposeAsync());

const ask = (method: string, path: string, body?: unknown) => server.ask(method, path, { key, body });

async function make(given: object = {}): Promise<AnswerBody> {
  const answer = await ask('POST', '/webhooks', {
    url: consumer.url,
    events: ['message.received'],
    ...given,
  });
  expect(answer.status).toBe(201);
  return answer.body.data;
}

/** Pings it, and resolves with the request once it came. */
async function ping(id: string) {
  const { eventId } = (await ask('POST', `/webhooks/${id}/test`)).body.data;
  await consumer.until(() => consumer.requests.some((each) => each.id === eventId));
  const found = consumer.requests.find((each) => each.id === eventId);
  return { eventId, body: found?.body ?? '', headers: found?.headers ?? {} };
}

/** The deliveries of the webhook, once one of them is so. */
async function untilDelivery(id: string, isSo: (delivery: AnswerBody) => boolean): Promise<AnswerBody[]> {
  for (;;) {
    const { data } = (await ask('GET', `/webhooks/${id}/deliveries`)).body;
    if (data.some(isSo)) return data;
  }
}

describe('a webhook', () => {
  it('is made with a secret that is shown once, and sealed in the database', async () => {
    const { secret, ...view } = await make({ description: 'Orders' });
    expect(secret).toMatch(/^whsec_/);
    expect(view).toEqual({
      id: expect.any(String),
      url: consumer.url,
      description: 'Orders',
      accountId: null,
      events: ['message.received'],
      enabled: true,
      state: 'active',
      stateSince: expect.any(String),
      failuresInRow: 0,
      nextTryAt: null,
      createdAt: expect.any(String),
      createdBy: expect.any(String),
    });
    expect((await ask('GET', `/webhooks/${view.id}`)).body.data).toEqual(view);
    expect((await ask('GET', '/webhooks')).body).toMatchObject({ data: [view], count: 1, nextCursor: null });
    const { rows } = await sql<{ row: string }>`
      select encode(sealed_secret, 'escape') || row_to_json(w)::text as row from webhooks w where id = ${view.id}`.execute(
      server.db,
    );
    expect(rows[0]?.row).not.toContain(secret.slice(6, 20));
  });

  it('takes strange addresses and words without harm', async () => {
    const strange = 'https://shop.example/a\u0000b\ud800?q=ü';
    const made = await make({ url: strange, description: 'half \ud800 and \u0000' });
    expect(made.url).toBe('https://shop.example/a%00b%EF%BF%BD?q=%C3%BC');
    expect(made.description).toBe('half \ufffd and \ufffd');
    const changed = await ask('PATCH', `/webhooks/${made.id}`, { url: strange });
    expect([changed.status, changed.body.data.url]).toEqual([200, made.url]);
  });

  it('is refused where the tenant has a hundred, until one is deleted', async () => {
    await sql`
      insert into webhooks (id, tenant_id, url, events, sealed_secret, created_by)
      select gen_random_uuid(), ${tenant}, 'https://shop.example/', '{}', '', 'test' from generate_series(1, 99)`.execute(
      server.db,
    );
    const body = { url: consumer.url, events: ['message.received'] };
    const answers = await Promise.all([ask('POST', '/webhooks', body), ask('POST', '/webhooks', body)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    const { error } = (await ask('POST', '/webhooks', body)).body;
    expect(error).toMatchObject({ code: 'TOO_MANY_WEBHOOKS', message: expect.stringMatching(/Delete one/) });
    const [first] = (await ask('GET', '/webhooks?limit=1')).body.data;
    expect((await ask('DELETE', `/webhooks/${first.id}`)).status).toBe(200);
    expect((await ask('POST', '/webhooks', body)).status).toBe(201);
  });

  it('is changed, disabled and enabled, and deleted with all that it is owed', async () => {
    const { id } = await make();
    const { eventId } = await ping(id);
    const changed = await ask('PATCH', `/webhooks/${id}`, { events: ['account.health'], description: null });
    expect(changed.body.data).toMatchObject({ events: ['account.health'], description: null, enabled: true });
    const off = await ask('PATCH', `/webhooks/${id}`, { enabled: false });
    expect(off.body.data).toMatchObject({ enabled: false, state: 'disabled' });
    for (const path of ['test', 'redeliver', 'deliveries/1/redeliver']) {
      const body = path === 'redeliver' ? { from: '2026-01-01', to: '2027-01-01' } : undefined;
      const refused = await ask('POST', `/webhooks/${id}/${path}`, body);
      expect([refused.status, refused.body.error.code]).toEqual([409, 'WEBHOOK_DISABLED']);
    }
    expect((await ask('PATCH', `/webhooks/${id}`, { enabled: true })).body.data.state).toBe('active');
    expect((await ask('DELETE', `/webhooks/${id}`)).body.data).toEqual({ webhookId: id, deleted: true });
    expect((await ask('GET', `/webhooks/${id}`)).status).toBe(404);
    const left = await server.db
      .selectFrom('webhook_deliveries')
      .select('id')
      .where('event_id', '=', eventId)
      .execute();
    expect(left).toEqual([]);
  });

  it('signs by both secrets after a rotation', async () => {
    const { id, secret } = await make();
    const rotated = (await ask('POST', `/webhooks/${id}/rotate-secret`)).body.data;
    expect(Date.parse(rotated.previousUntil) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    const { body, headers } = await ping(id);
    for (const each of [secret, rotated.secret])
      expect(new Webhook(each).verify(body, headers)).toMatchObject({
        type: 'ping',
        data: { webhookId: id },
      });
    const check = makeDeliveryCheck(await makeWebhookDocument());
    expect(check(JSON.parse(body))).toBeUndefined();
  });

  it('signs by each secret for its own time, also when one more rotation follows whose answer was lost', async () => {
    const { id, secret } = await make();
    for (let count = 0; count < 3; count += 1) await ask('POST', `/webhooks/${id}/rotate-secret`);
    const { body, headers } = await ping(id);
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'ping' });
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(4);
    for (let count = 0; count < 3; count += 1) await ask('POST', `/webhooks/${id}/rotate-secret`);
    const later = await ping(id);
    expect(later.headers['webhook-signature']?.split(' ')).toHaveLength(5);
  });

  it.each([
    [{ url: 'shop.example' }, 'url'],
    [{ url: 'ftp://shop.example/' }, 'url'],
    [{ url: 'https://ada:pw@shop.example/' }, 'url'],
    [{ events: [] }, 'events'],
    [{ events: ['message.lost'] }, 'events.0'],
    [{ secret: 'mine' }, 'secret'],
    [{ description: '' }, 'description'],
  ])('is refused with %j', async (given, field) => {
    const body = { url: consumer.url, events: ['message.received'], ...given };
    const answer = await ask('POST', '/webhooks', body);
    expect([answer.status, answer.body.error.details?.[0]?.field]).toEqual([400, field]);
  });

  it('goes to the public Internet alone, by https, unless the operator says otherwise', async () => {
    await using strict = await openTestServer();
    for (const url of [
      'http://shop.example/',
      'https://127.0.0.1/',
      'https://192.168.0.1/',
      'https://[::1]/',
    ]) {
      const answer = await strict.ask('POST', '/webhooks', { body: { url, events: ['message.received'] } });
      expect([answer.status, answer.body.error.details[0].field]).toEqual([400, 'url']);
    }
  });
});

describe('deliveries', () => {
  it('are listed newest first, page by page and by status, with what was answered', async () => {
    const { id } = await make();
    const pings = [await ping(id), await ping(id)];
    consumer.answer = () => 401;
    pings.push(await ping(id));
    const all = await untilDelivery(id, ({ lastStatus }) => lastStatus === 401);
    expect(all.map(({ eventId }) => eventId)).toEqual(pings.map(({ eventId }) => eventId).toReversed());
    expect(all[0]).toMatchObject({
      type: 'ping',
      status: 'pending',
      attempts: 1,
      lastError: 'The endpoint answered 401. not today',
      nextAttemptAt: expect.any(String),
      deliveredAt: null,
    });
    const first = (await ask('GET', `/webhooks/${id}/deliveries?limit=2`)).body;
    const rest = (await ask('GET', `/webhooks/${id}/deliveries?limit=2&cursor=${first.nextCursor}`)).body;
    expect([...first.data, ...rest.data].map((each: AnswerBody) => each.id)).toEqual(
      all.map((each) => each.id),
    );
    expect(rest.nextCursor).toBeNull();
    const pending = (await ask('GET', `/webhooks/${id}/deliveries?status=pending`)).body;
    expect(pending.data.map((each: AnswerBody) => each.eventId)).toEqual([pings[2]?.eventId]);
    expect((await ask('GET', `/webhooks/${id}/deliveries?status=lost`)).status).toBe(400);
  });

  it('are made again singly, whatever became of them, and by range if they are dead', async () => {
    const { id } = await make();
    const { eventId } = await ping(id);
    const [delivery] = await untilDelivery(id, ({ status }) => status === 'delivered');
    const times = () => consumer.requests.filter((each) => each.id === eventId).length;
    const again = await ask('POST', `/webhooks/${id}/deliveries/${delivery?.id}/redeliver`);
    expect([again.status, again.body.data.status]).toEqual([202, 'pending']);
    await consumer.until(() => times() >= 2);
    await untilDelivery(id, ({ status }) => status === 'delivered');
    await server.db
      .updateTable('webhook_deliveries')
      .set({ status: 'dead' })
      .where('webhook_id', '=', id)
      .execute();
    const range = { from: delivery?.createdAt, to: new Date(Date.now() + 1_000).toISOString() };
    const many = await ask('POST', `/webhooks/${id}/redeliver`, range);
    expect([many.status, many.body.data]).toEqual([202, { webhookId: id, count: 1 }]);
    await consumer.until(() => times() >= 3);
    const outside = { from: '2020-01-01', to: '2020-01-02' };
    expect((await ask('POST', `/webhooks/${id}/redeliver`, outside)).body.data.count).toBe(0);
  });

  it.each([
    [{}, 'from'],
    [{ from: '2026-01-02', to: '2026-01-01' }, 'to'],
    [{ from: 'soon', to: '2026-01-01' }, 'from'],
  ])('are not made again of %j', async (body, field) => {
    const { id } = await make();
    const answer = await ask('POST', `/webhooks/${id}/redeliver`, body);
    expect([answer.status, answer.body.error.details[0].field]).toEqual([400, field]);
  });

  it.each([['0'], ['x'], ['99999999'], [crypto.randomUUID()]])('are not found by %s', async (delivery) => {
    const { id } = await make();
    const answer = await ask('POST', `/webhooks/${id}/deliveries/${delivery}/redeliver`);
    expect([answer.status, answer.body.error.code]).toEqual([404, 'DELIVERY_NOT_FOUND']);
  });
});
