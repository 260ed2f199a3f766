import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** A host application that signs tokens and publishes its public keys on loopback. */
export class KeySetServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #keys = new Map<string, { readonly alg: string; readonly pair: GenerateKeyPairResult }>();
  /** How often the key set was fetched. */
  fetches = 0;
  /** While it is not 200, the key set cannot be had. */
  status = 200;

  private constructor() {
    this.#server = createServer((_request, response) => {
      this.fetches += 1;
      void this.#document().then((text) => {
        response.writeHead(this.status, { 'content-type': 'application/json' }).end(text);
      });
    });
  }

  static async open(): Promise<KeySetServer> {
    const server = new KeySetServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  /** Publishes a new key under this id. */
  async addKey(kid: string, alg: string): Promise<void> {
    this.#keys.set(kid, { alg, pair: await generateKeyPair(alg, { extractable: true }) });
  }

  removeKey(kid: string): void {
    this.#keys.delete(kid);
  }

  /** A token that is signed with the key of this id. */
  async sign(claims: JWTPayload, kid: string): Promise<string> {
    const { alg, pair } = this.#keyOf(kid);
    return new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(pair.privateKey);
  }

  /** The public key, as somebody would take it for a secret. */
  async publicText(kid: string): Promise<string> {
    return JSON.stringify(await exportJWK(this.#keyOf(kid).pair.publicKey));
  }

  #keyOf(kid: string) {
    const key = this.#keys.get(kid);
    if (key === undefined) throw new TypeError(`There is no key ${kid}.`);
    return key;
  }

  async #document(): Promise<string> {
    const keys = [...this.#keys].map(async ([kid, { alg, pair }]) => ({
      ...(await exportJWK(pair.publicKey)),
      kid,
      alg,
      use: 'sig',
    }));
    return JSON.stringify({ keys: await Promise.all(keys) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
