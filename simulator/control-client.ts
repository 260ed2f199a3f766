/** The control API answered with an error; `status` and the text are its. */
export class ControlError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ControlError';
    this.status = status;
  }
}

/** Calls the control API of a world. */
export class Control {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, '');
  }

  call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    return this.#ask(method, path, body === undefined ? {} : json);
  }

  /** Sends bytes, in pieces if they come so. */
  upload<T>(path: string, bytes: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>): Promise<T> {
    return this.#ask('POST', path, { body: bytes, duplex: 'half' });
  }

  async #ask<T>(method: string, path: string, init: RequestInit & { duplex?: 'half' }): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, { method, ...init });
    const answer = (await response.json()) as T & { error?: string };
    if (!response.ok) throw new ControlError(response.status, answer.error ?? response.statusText);
    return answer;
  }
}
