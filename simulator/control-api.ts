import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';
import {
  actOnPages,
  changeGroup,
  describePhone,
  describeTruth,
  logoutPhone,
  openGroup,
  resolveChat,
  startBurst,
} from './control-actions.ts';
import { bodies } from './control-schema.ts';
import type { Account } from './network/account.ts';
import { saveContact } from './network/address-book.ts';
import { waitFor } from './network/conditions.ts';
import { contentToAttrs } from './network/content.ts';
import { changeLimits } from './network/limit-news.ts';
import type { LinkDesk } from './network/linking.ts';
import { editMessage, newPhoneId, reactTo, revokeMessage, voteOn } from './network/message-changes.ts';
import type { Network } from './network/network.ts';
import { Rejection } from './network/rejection.ts';
import { settingsSchema } from './network/settings.ts';
import type { PageServer } from './page-server.ts';
import { readBody } from './request-body.ts';

type World = { readonly network: Network; readonly desk: LinkDesk; readonly pages: PageServer };
type Call = World & {
  readonly params: readonly string[];
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly request: IncomingMessage;
};
type Route = {
  readonly method: string;
  readonly path: RegExp;
  /** It reads the request's body itself, in pieces. */
  readonly takesBytes?: boolean;
  readonly run: (call: Call) => unknown;
};

/** One route. `:x` in a path is a parameter; the body is checked against the schema before `run` sees it. */
function route<S extends z.ZodType>(
  line: string,
  schema: S | null,
  run: (call: Call, body: z.output<S>) => unknown,
): Route {
  const [method, path] = line.split(' ');
  const pattern = (path ?? '').replace(/:\w+/g, '([^/]+)');
  return {
    method: method ?? 'GET',
    path: new RegExp(`^${pattern}$`),
    run: (call) => run(call, (schema === null ? undefined : parse(schema, call.body)) as z.output<S>),
  };
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw new Rejection(400, problems.join('; '));
}

const phoneOf = (call: Call): Account => call.network.directory.getAccount(call.params[0] ?? '');
const originOf = (call: Call) => ({ account: phoneOf(call), device: null });
const view = (call: Call) => describePhone(phoneOf(call));

async function tellFaults({ pages }: World): Promise<void> {
  await Promise.all(pages.connections().map((page) => page.tellFaults()));
}

function voteIndexes({ network }: World, target: string, names: readonly string[]): number[] {
  const options = network.ledger.find(target)?.message.attrs.pollOptions;
  const known = Array.isArray(options) ? options.map((option) => (option as { name: string }).name) : [];
  return names.map((each) => {
    const index = known.indexOf(each);
    if (index < 0) throw new Rejection(400, `the poll has no option "${each}"`);
    return index;
  });
}

const ROUTES: readonly Route[] = [
  route('GET /health', null, ({ pages }) => ({ ok: true, pagesUp: pages.listening })),
  route('GET /settings', null, ({ network }) => network.settings),
  route('PATCH /settings', bodies.settings, ({ network }, body) => {
    network.settings = settingsSchema.parse({ ...network.settings, ...body });
    return network.settings;
  }),

  route('GET /phones', null, ({ network }) => network.directory.accounts().map(describePhone)),
  route('POST /phones', bodies.phone, ({ network }, { name, ...options }) =>
    describePhone(network.directory.openAccount(name, options)),
  ),
  route('GET /phones/:name', null, view),
  route('PATCH /phones/:name', bodies.phoneChange, (call, body) => {
    const account = phoneOf(call);
    account.change(body);
    if (body.online) call.network.arriveLate(account);
    return view(call);
  }),
  route('POST /phones/:name/scan', bodies.scan, (call, { qr }) => call.desk.scan(phoneOf(call), qr)),
  route('POST /phones/:name/code', bodies.code, (call, { code }) => call.desk.enterCode(phoneOf(call), code)),
  route('POST /phones/:name/passkey', bodies.passkey, (call, { approve }) =>
    call.desk.answerPasskey(phoneOf(call), approve),
  ),
  route('POST /phones/:name/logout', bodies.logout, (call, { navigate }) => ({
    unlinked: logoutPhone(call.network, phoneOf(call), navigate ?? true),
  })),
  route('PUT /phones/:name/contacts', bodies.contact, (call, { of, name }) => {
    saveContact(call.network, phoneOf(call), call.network.directory.getAccount(of), name);
    return view(call);
  }),
  route('PATCH /phones/:name/limits', bodies.limits, (call, change) => {
    changeLimits(call.network, phoneOf(call), change);
    return phoneOf(call).limits.view(Date.now());
  }),
  route('POST /phones/:name/messages', bodies.message, async (call, body) => {
    const attrs = await contentToAttrs(call.network, body.content);
    const id = body.id ?? newPhoneId();
    const t = body.t ?? Math.floor(Date.now() / 1000);
    const message = { id, from: phoneOf(call).pn, to: resolveChat(call.network, body.to), t, attrs };
    return { id, carried: call.network.carry(originOf(call), message) };
  }),
  route('POST /phones/:name/edits', bodies.edit, (call, { id, text }) => {
    editMessage(call.network, originOf(call), id, text);
    return { id };
  }),
  route('POST /phones/:name/revokes', bodies.revoke, (call, { id }) => {
    revokeMessage(call.network, originOf(call), id);
    return { id };
  }),
  route('POST /phones/:name/reactions', bodies.reaction, (call, body) => ({
    id: reactTo(call.network, originOf(call), body),
  })),
  route('POST /phones/:name/votes', bodies.vote, (call, { target, options }) => ({
    id: voteOn(call.network, originOf(call), { target, options: voteIndexes(call, target, options) }),
  })),
  route('POST /phones/:name/reads', bodies.read, (call, { chat }) => ({
    read: call.network.read(phoneOf(call), resolveChat(call.network, chat), null),
  })),
  route('POST /phones/:name/plays', bodies.played, (call, { id }) => {
    call.network.played(phoneOf(call), id);
    return { id };
  }),

  route('GET /groups', null, ({ network }) => network.directory.groups()),
  route('POST /groups', bodies.group, ({ network }, body) => openGroup(network, body)),
  route('PATCH /groups/:id', bodies.groupChange, ({ network, params }, body) =>
    changeGroup(network, params[0] ?? '', body),
  ),
  route('POST /bursts', bodies.burst, async ({ network }, body) => {
    const { ids, done } = startBurst(network, body);
    if (!body.background) await done;
    return { ids };
  }),
  route('POST /acks', bodies.ack, ({ network }, { id, ack, error }) => {
    if (!network.ledger.find(id)) throw new Rejection(404, `the network never carried a message ${id}`);
    network.tellAck(id, ack, error);
    return { id };
  }),

  route('POST /pages', bodies.action, async ({ network, pages }, body) => ({
    pages: await actOnPages(network, pages, body),
  })),
  route('POST /qr', bodies.qr, ({ desk }, body) => {
    if (body.do === 'rotate') desk.rotate();
    else desk.exhaust();
    return { waitingPages: desk.waiting.length };
  }),
  route('POST /server', bodies.server, async ({ pages }, { up }) => {
    await (up ? pages.listen() : pages.close());
    return { up: pages.listening };
  }),

  {
    ...route('POST /media', null, ({ network, request }) => network.media.put(request)),
    takesBytes: true,
  },

  route('GET /faults', null, ({ network }) => network.faults.list()),
  route('POST /faults', bodies.fault, async (call, body) => {
    if (body.phone !== undefined) call.network.directory.getAccount(body.phone);
    const fault = call.network.faults.set(body);
    await tellFaults(call);
    return fault;
  }),
  route('DELETE /faults', null, async (call) => {
    call.network.faults.clear();
    await tellFaults(call);
    return [];
  }),
  route('DELETE /faults/:id', null, async (call) => {
    call.network.faults.clear(call.params[0] ?? '');
    await tellFaults(call);
    return call.network.faults.list();
  }),

  route('GET /truth', null, ({ network, desk, query }) => {
    const { after, limit, phone } = parse(bodies.truthPage, query);
    if (limit === undefined) return describeTruth(network, desk);
    const pn = phone === undefined ? undefined : network.directory.getAccount(phone).pn;
    return network.ledger.page({ after, limit, pn });
  }),
  route('GET /truth/:id', null, ({ network, params }) => {
    const id = params[0] ?? '';
    const found = network.ledger.find(id);
    if (!found) throw new Rejection(404, `the network never carried a message ${id}`);
    return found.carried;
  }),
  route('GET /counters', null, ({ network }) => network.ledger.counters()),
  route('POST /wait', bodies.wait, async ({ network, desk }, { condition, timeoutMs }) => {
    await waitFor(network, desk, condition, timeoutMs);
    return { met: true };
  }),
  route('GET /missing-modules', null, ({ network }) => [...network.missingModules.keys()]),
  route('DELETE /missing-modules', null, ({ network }) => {
    network.missingModules.clear();
    return [];
  }),
];

/** The way in for tests and the demo: JSON over HTTP on loopback. Errors are `{"error": text}` with their status. */
export class ControlApi {
  readonly #server: Server;

  private constructor(world: World) {
    this.#server = createServer((request, response) => void answer(world, request, response));
    // Waits are long; they must not hit Node's limits for slow clients.
    this.#server.requestTimeout = 0;
    // A connection that rests is its client's to end: one that ends here may cross a call on its way.
    this.#server.keepAliveTimeout = 0;
  }

  static async open(world: World, port: number): Promise<ControlApi> {
    const api = new ControlApi(world);
    await new Promise<void>((resolve, reject) => {
      api.#server.once('error', reject);
      api.#server.listen(port, '127.0.0.1', () => resolve());
    });
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  try {
    const found = ROUTES.filter((each) => each.path.test(path));
    const match = found.find((each) => each.method === request.method);
    if (!match) throw new Rejection(found.length > 0 ? 405 : 404, `no route ${request.method} ${path}`);
    const params = (match.path.exec(path) ?? []).slice(1).map(decodeURIComponent);
    const query = Object.fromEntries(searchParams);
    const text = match.takesBytes ? '' : (await readBody(request)).toString();
    const body = text === '' ? undefined : parseJson(text);
    send(response, 200, await match.run({ ...world, params, query, body, request }));
  } catch (error) {
    if (error instanceof Rejection) send(response, error.status, { error: error.message });
    else send(response, 500, { error: String(error) });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Rejection(400, 'the body is not JSON');
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
