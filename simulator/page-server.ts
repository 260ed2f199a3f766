import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WebSocketServer } from 'ws';
import { makeCertificate } from './certificate.ts';
import type { LinkDesk } from './network/linking.ts';
import type { Network } from './network/network.ts';
import { PageConnection } from './page-connection.ts';
import type { BootConfig } from './protocol.ts';

const ROOT = new URL('./', import.meta.url);
const MAIN_SCRIPT = '/app/page/main.ts';
const NEVER_ANSWERED = '/app/never.png';
const SERVED = /^\/app\/(protocol|page\/(?:[a-z-]+\/)?[a-z-]+)\.ts$/;

/** What Chromium takes for https://web.whatsapp.com/: the page, its socket, and the media server. */
export class PageServer {
  readonly #network: Network;
  readonly #server: Server;
  readonly #connections = new Set<PageConnection>();
  readonly #sockets = new Set<Duplex>();
  readonly #sources = new Map<string, string>();
  #port = 0;

  private constructor(network: Network, desk: LinkDesk, tls: { key: string; cert: string }) {
    this.#network = network;
    this.#server = createServer(tls, (request, response) => void this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    this.#server.on('upgrade', (request, stream, head) => {
      sockets.handleUpgrade(request, stream, head, (socket) => {
        const connection = new PageConnection(socket, network, desk);
        this.#connections.add(connection);
        socket.on('close', () => this.#connections.delete(connection));
      });
    });
  }

  static async open(network: Network, desk: LinkDesk, port: number): Promise<PageServer> {
    const server = new PageServer(network, desk, await makeCertificate());
    server.#port = port;
    await server.listen();
    return server;
  }

  get port(): number {
    return this.#port;
  }
  get listening(): boolean {
    return this.#server.listening;
  }

  /** The open pages, all of them or one phone's. */
  connections(phone?: string): PageConnection[] {
    return [...this.#connections].filter((each) => phone === undefined || each.phone === phone);
  }

  /** Takes connections, on the same port as before if it was closed. */
  async listen(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses connections and cuts those that are open: the server is down. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://web.whatsapp.com');
    const path = url.pathname;
    try {
      if (path === '/mms/upload' && request.method === 'POST') return await this.#upload(request, response);
      if (path.startsWith('/v/')) return this.#download(path, request, response);
      if (path === '/app/blank.html')
        return send(response, 200, 'text/html', '<!doctype html><title>frame</title>');
      const source = SERVED.exec(path)?.[1];
      if (source !== undefined) return this.#script(source, url.searchParams.get('delayMs'), response);
      if (path === NEVER_ANSWERED) return undefined;
      if (path === '/') return this.#page(request, response);
      send(response, 404, 'text/plain', 'not found');
    } catch (error) {
      send(response, 500, 'text/plain', String(error));
    }
  }

  #page(request: IncomingMessage, response: ServerResponse) {
    const phone = cookiePhone(request);
    const fault = this.#network.faults.take('page', phone);
    const serve = (change: (html: string) => string = (html) => html) =>
      send(response, 200, 'text/html', change(this.#html(phone)));
    switch (fault?.mode) {
      case undefined:
        return serve();
      case 'reset':
        request.socket.destroy();
        return;
      case 'hang':
        return;
      case 'slow':
        this.#network.timers.after(fault?.delayMs ?? 1000, () => serve());
        return;
      case 'slow-scripts':
        return serve((html) => html.replace(MAIN_SCRIPT, `$&?delayMs=${fault?.delayMs ?? 1000}`));
      case 'unfinished':
        return serve((html) => html.replace('</body>', `<img src="${NEVER_ANSWERED}" alt="">$&`));
      case 'status':
        return send(response, fault?.status ?? 500, 'text/html', '<!doctype html><title>Error</title>');
      case 'blank':
        return send(response, 200, 'text/html', '<!doctype html><title>WhatsApp</title>');
      default:
        return fault?.mode satisfies undefined;
    }
  }

  #html(phone: string | undefined): string {
    const { faults, settings } = this.#network;
    const account = this.#network.directory.accounts().find((each) => each.name === phone);
    const isUnlinked = account !== undefined && account.devices.size === 0;
    const boot: BootConfig = {
      ids: account?.ids ?? settings.ids,
      addresses: account?.addresses ?? settings.addresses,
      holdVersionUntilSynced:
        faults.find('sync', phone, (spec) => spec.mode === 'before-injection') !== undefined,
      refused: isUnlinked && faults.take('refusal', phone, (spec) => spec.mode === 'early') !== undefined,
      lateModules: faults.take('modules', phone) ?? null,
      faults: faults.forPage(phone),
    };
    const json = JSON.stringify(boot).replaceAll('<', '\\u003c');
    return readFileSync(new URL('page/index.html', ROOT), 'utf8').replace('/*BOOT*/ null', json);
  }

  #script(name: string, delayMs: string | null, response: ServerResponse): void {
    const serve = () => send(response, 200, 'text/javascript', this.#source(name));
    if (delayMs === null) serve();
    else this.#network.timers.after(Number(delayMs), serve);
  }

  /** The page's sources are TypeScript; only their types are taken out. */
  #source(name: string): string {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const source = stripTypeScriptTypes(readFileSync(new URL(`${name}.ts`, ROOT), 'utf8'));
    this.#sources.set(name, source);
    return source;
  }

  async #upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#network.faults.take('upload', cookiePhone(request));
    const { path: directPath } = await this.#network.media.put(request);
    if (fault?.mode === 'hang') return;
    if (fault?.mode === 'fail') return send(response, 500, 'text/plain', 'upload failed');
    const serve = () => send(response, 200, 'application/json', JSON.stringify({ directPath }));
    if (fault?.mode === 'slow') this.#network.timers.after(fault.delayMs ?? 1000, serve);
    else serve();
  }

  #download(path: string, request: IncomingMessage, response: ServerResponse) {
    const fault = this.#network.faults.take('download', cookiePhone(request));
    const found = this.#network.media.find(path);
    if (fault?.mode === 'hang') return;
    if (fault?.mode === '500') return send(response, 500, 'text/plain', 'download failed');
    if (fault?.mode === '404' || !found) return send(response, 404, 'text/plain', 'gone');
    const serve = () => {
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': found.size,
        'cache-control': 'no-store',
      });
      // A page that goes away in the middle ends it; nobody else needs to hear of that.
      pipeline(this.#network.media.open(path) ?? [], response).catch(() => undefined);
    };
    if (fault?.mode === 'slow') this.#network.timers.after(fault.delayMs ?? 1000, serve);
    else serve();
  }
}

function cookiePhone(request: IncomingMessage): string | undefined {
  const match = /(?:^|;\s*)phone=([^;]+)/.exec(request.headers.cookie ?? '');
  return match?.[1] === undefined ? undefined : decodeURIComponent(match[1]);
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' });
  response.end(body);
}
