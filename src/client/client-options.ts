export interface ClientOptions {
  /** Scheme, host and port, such as `http://127.0.0.1:3000`: what stands before `/api/v1/whatsapp`. */
  readonly baseUrl: string;
  /** Sent as X-API-Key. */
  readonly apiKey?: string;
  /** Sent as a bearer token: a JWT or an API key, or what makes one for each call. */
  readonly token?: string | (() => string | Promise<string>);
  /** For each attempt, in milliseconds; null for none. 30 seconds if it is not said; forms, which carry files, have none. */
  readonly timeoutMs?: number | null;
  /** How many times a request is made again at most where that is safe; 2 if it is not said. */
  readonly retries?: number;
  /** Instead of the global one. */
  readonly fetch?: (request: Request, init?: RequestInit) => Promise<Response>;
}
