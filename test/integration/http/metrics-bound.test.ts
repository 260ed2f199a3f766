import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestServer, type TestServer } from '../../support/http-server.ts';

/** Labels whose values are not a table of ours. */
const BY_ROUTE = new Set(['method', 'route', 'status']);
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'];
/** Those of the process name parts of Node.js. */
const OF_NODE = /^(process_|nodejs_)/;

let server: TestServer;
/** Those of the OpenAPI document; it leaves out itself, its page and the board. */
let routes: ReadonlySet<string>;
beforeAll(async () => {
  server = await openTestServer();
  const { body } = await server.ask('GET', '//openapi.json');
  routes = new Set(Object.keys(body.paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1')));
});
afterAll(() => server[Symbol.asyncDispose]());

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

function parseAll(text: string): Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = ''] = /^([\w:]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return { name, labels: Object.fromEntries(pairs.map(([, label, value]) => [label, value])) };
    });
}

async function readAll(): Promise<Series[]> {
  return parseAll(String((await server.ask('GET', '//metrics')).body));
}

/** Asks by any method that Node.js can send; resolves when the answer, or the end of the connection, has come. */
function askOddly(method: string, path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked = request(`${server.url}${path}`, { method }, (answer) => {
    answer.resume();
    answer.on('close', resolve);
  });
  asked.on('error', () => resolve());
  asked.end();
  return promise;
}

async function oddTraffic(seed: number): Promise<void> {
  const id = await server.makeAccount({ phoneNumber: `+4917000${String(seed).padStart(6, '0')}` });
  await server.accounts.saveState(id, { state: 'reconnecting', reason: 'page_crashed', attempt: seed });
  const text = `secret-${seed}`;
  for (const path of [
    `/accounts/${id}`,
    `/accounts/${id}?${text}=${text}`,
    `/accounts/${text}`,
    `/accounts/${id}/${text}`,
    `/${text}`,
    `/accounts/${id}/messages?phoneNumber=%2B49170000${seed}`,
    `//${text}/%00/../../etc/passwd`,
    `//docs/${text}.js`,
    `//admin/queues/${text}`,
    `//admin/queues/api/queues/${text}`,
    '//constructor',
    `//socket.io/?transport=polling&EIO=4&${text}`,
  ])
    await server.ask('GET', path);
  await server.ask('POST', `/accounts/${id}/messages`, { body: { to: '+491700000009', text } });
  await server.ask('POST', '/connect', { body: '{', headers: { 'x-request-id': text } });
  await server.ask('GET', '/accounts', { key: text });
  for (const method of [
    'PROPFIND',
    'LOCK',
    'SEARCH',
    'M-SEARCH',
    'TRACE',
    'OPTIONS',
    'HEAD',
    'DELETE',
    'QUERY',
  ])
    for (const path of ['/metrics', `/${text}`, `/api/v1/whatsapp/accounts/${id}`])
      await askOddly(method, path);
  await Promise.all(Array.from({ length: 20 }, (_, n) => askOddly('GET', `/${text}/${n}`)));
}

it('shows as many series after a thousand odd requests as after a few, and none that names what was asked', async () => {
  await readAll();
  await oddTraffic(1);
  const before = await readAll();
  for (let seed = 2; seed <= 20; seed += 1) await oddTraffic(seed);
  const after = await readAll();
  const key = ({ name, labels }: Series) => `${name}${JSON.stringify(labels)}`;
  const known = new Set(before.map(key));
  const fresh = after.filter((series) => !OF_NODE.test(series.name) && !known.has(key(series)));
  expect(fresh.map(key)).toEqual([]);
  const values = after.flatMap(({ labels }) => Object.values(labels)).join('\n');
  expect(values).not.toMatch(/secret|\d{6,}|[\da-f]{8}-[\da-f]{4}/);
});

it('has labels with values from tables alone, and series within what those allow', async () => {
  await oddTraffic(99);
  const all = (await readAll()).filter(({ name }) => !OF_NODE.test(name));
  const described = new Map((await server.metrics.describe()).map((each) => [each.name, each]));
  for (const { name, labels } of all) {
    const metric = described.get(name) ?? described.get(name.replace(/_(bucket|sum|count)$/, ''));
    expect(metric, name).toBeDefined();
    const own = Object.keys(labels).filter((label) => label !== 'le');
    expect(own.toSorted()).toEqual([...(metric?.labels ?? [])].toSorted());
    for (const label of own) {
      const value = labels[label] ?? '';
      if (BY_ROUTE.has(label)) expect(isOfHttp(label, value), `${label}=${value}`).toBe(true);
      else if (metric?.values.length) expect(metric.values).toContain(value);
      else expect(value).toMatch(/^[a-z_]{1,64}$/);
    }
  }
  expect(new Set(all.map(({ name }) => name.replace(/_(bucket|sum|count)$/, ''))).size).toBeLessThan(40);
});

function isOfHttp(label: string, value: string): boolean {
  if (label === 'method') return METHODS.includes(value);
  if (label === 'status') return /^([1-5]xx|other)$/.test(value);
  return value === 'none' || routes.has(value) || /^\/(docs|openapi\.json|admin\/queues)(\/|$)/.test(value);
}
