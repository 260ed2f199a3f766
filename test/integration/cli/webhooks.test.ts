import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CliServer, openCliServer } from '../../support/cli-server.ts';
import { openWebhookConsumer, type WebhookConsumer } from '../../support/webhook-consumer.ts';

const stack = new AsyncDisposableStack();
let cli: CliServer;
let consumer: WebhookConsumer;
beforeAll(async () => {
  cli = stack.use(await openCliServer({}, { allowPrivate: true }));
  consumer = stack.use(await openWebhookConsumer());
});
afterAll(() => stack.disposeAsync());

const run = (...args: readonly string[]) => cli.run(['webhooks', ...args]);

async function make(description: string): Promise<string> {
  const body = { url: consumer.url, events: ['message.received'], description };
  return (await cli.server.ask('POST', '/webhooks', { body })).body.data.id;
}

it('webhooks create prints the secret this once, with which a ping is signed', async () => {
  expect((await run()).out).toContain('There is no webhook yet.');
  const args = ['--event', 'message.received', 'message.status', '--description', 'Orders'];
  const { code, out, error } = await run('create', consumer.url, ...args);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const [secret = '', hint] = out.split('\n');
  expect(secret).toMatch(/^whsec_/);
  expect(hint).toContain('It is shown this once. Send a ping: ');
  const listed = await run('list');
  expect(listed.out).toMatch(
    /^ID +URL +DESCRIPTION +STATE +ACCOUNT +EVENTS\n.* Orders +active +all +message\.received message\.status\n$/,
  );
  expect(listed.out).not.toContain(secret);
  const tested = await run('test', 'Orders');
  expect(tested).toEqual({ code: 0, out: 'The ping was taken (HTTP 200).\n', error: '' });
  const [ping] = consumer.taken();
  expect(new Webhook(secret).verify(ping?.body ?? '', ping?.headers ?? {})).toMatchObject({ type: 'ping' });
});

it('webhooks test says that a ping was not taken, and exits with 1', async () => {
  const id = await make('Asleep');
  consumer.answer = () => 401;
  const { code, out } = await run('test', 'Asleep');
  consumer.answer = () => 200;
  expect(code).toBe(1);
  expect(out).toMatch(/^The ping was not taken\. The endpoint answered 401\. not today\nIt is sent again/);
  expect(out).toContain(`webhooks deliveries ${id}`);
});

it('webhooks test finds its ping among many later deliveries', async () => {
  const id = await make('Busy');
  await sql`
    insert into webhook_deliveries (webhook_id, event_id, type, lane, payload, created_at, status, ended_at)
    select ${id}, 'evt_' || nth, 'message.received', 'lane', '{}', now() + interval '1 hour', 'delivered', now()
    from generate_series(1, 250) nth`.execute(cli.server.db);
  const { code, out } = await run('test', 'Busy');
  expect([code, out]).toEqual([0, 'The ping was taken (HTTP 200).\n']);
}, 40_000);

it('webhooks rotate-secret prints the new one, and delete ends a subscription', async () => {
  const id = await make('Rotated');
  const { out } = await run('rotate-secret', 'Rotated');
  expect(out).toMatch(
    new RegExp(
      `^whsec_.*\nThis is the new secret of webhook ${id}\\. It is shown this once\\..* until \\d{4}-`,
    ),
  );
  expect(JSON.parse((await run('delete', id, '--json')).out)).toEqual({ webhookId: id, deleted: true });
  expect([(await run('delete', id)).code, (await run('delete', 'Rotated')).code]).toEqual([5, 5]);
});

it('webhooks disable makes dead letters of what waits, which redeliver sends again once it is enabled', async () => {
  const id = await make('Shop');
  consumer.answer = () => 503;
  await run('test', id);
  expect((await run('disable', 'Shop')).out).toBe(`Disabled: webhook ${id}.\n`);
  const dead = await run('deliveries', 'Shop', '--status', 'dead');
  expect(dead.out).toMatch(/^ID +TIME +EVENT +STATUS +TRIES +NEXT +ERROR\n\d+ +.* UTC +ping +dead +1 +- /);
  const refused = await run('test', 'Shop');
  expect([refused.code, refused.error]).toEqual([1, expect.stringContaining('webhooks enable <webhook>')]);
  consumer.answer = () => 200;
  expect((await run('enable', 'Shop')).out).toBe(`Enabled: webhook ${id}.\n`);
  const range = ['--from', '2026-01-01T00:00:00Z', '--to', '2100-01-01T00:00:00Z'];
  expect((await run('redeliver', 'Shop', ...range)).out).toBe('Sent again: 1 dead letter.\n');
  const [delivery] = JSON.parse((await run('deliveries', id, '--limit', '1', '--json')).out);
  const again = await run('redeliver', id, delivery.id);
  expect(again.out).toBe(`Sent again: delivery ${delivery.id}.\n`);
  await consumer.until(() => consumer.taken().some((each) => each.id === delivery.eventId));
}, 60_000);

it('webhooks name what was typed wrong', async () => {
  const wrong = await run('create', 'ftp://shop.example', '--event', 'message.received');
  expect([wrong.code, wrong.error]).toEqual([2, expect.stringContaining('<url>: ')]);
  const event = await run('create', consumer.url, '--event', 'nonsense');
  expect([event.code, event.error]).toEqual([
    2,
    expect.stringContaining('--event: Use one of: message.received'),
  ]);
  const neither = await run('redeliver', 'Shop', '--from', '2026-01-01T00:00:00Z');
  expect([neither.code, neither.error]).toEqual([2, expect.stringContaining('[delivery]: Give either')]);
  const range = await run('redeliver', 'Shop', '--from', 'now', '--to', '2026-01-01T00:00:00Z');
  expect([range.code, range.error]).toEqual([2, expect.stringContaining('--from: ')]);
  expect((await run('redeliver', 'Shop', '1')).code).toBe(5);
});
