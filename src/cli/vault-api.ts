import { AppError, ERROR_CATALOGUE, type ErrorCode } from '../lib/errors.ts';
import { API, type ApiClient, AS_IT_COMES } from './api-client.ts';

/** What became of a copy of a sealed session. */
export interface VaultCopyView {
  readonly accountId: string;
  readonly generation: number;
  readonly source: string;
  readonly keyId: string | null;
  readonly bytes: number;
  readonly outcome: string;
  readonly detail: string | null;
}

/** Sealed sessions that still need another key than the current one. */
export interface VaultKeyNeedView {
  readonly keyId: string;
  readonly instanceId: string | null;
  readonly snapshots: number;
}

/** A line of the daemon's answer to a work on copies. */
export type UpkeepLine =
  | { readonly total: number }
  | VaultCopyView
  | {
      readonly summary: {
        readonly accounts: number;
        readonly copies: number;
        readonly outcomes: Readonly<Record<string, number>>;
        /** After a rotation. */
        readonly otherKeys?: readonly VaultKeyNeedView[];
      };
    };

export interface ExportAnswer {
  readonly generation: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** The calls of the API that are about sealed sessions. They reject as the client's own do. */
export class VaultApi {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /**
   * Does the work on all copies of one account, or of all; yields each line as it comes, the summary last.
   * @throws AppError of the daemon's own code if it breaks off
   */
  async *upkeep(work: 'verify' | 'rotate', accountId: string | undefined): AsyncGenerator<UpkeepLine> {
    const body = accountId === undefined ? {} : { accountId };
    const { bytes } = await this.#api.openStream((client) =>
      client.request('post', `${API}/vault/${work}`, { ...AS_IT_COMES, body }),
    );
    for await (const text of splitLines(bytes)) {
      const line = parseLine(text);
      yield line;
      if ('summary' in line) return;
    }
    throw new AppError('UNAVAILABLE', {
      message: 'The answer of the daemon ends before its summary. Its log says why.',
    });
  }

  async export(accountId: string, passphrase: string): Promise<ExportAnswer> {
    const { headers, bytes } = await this.#api.openStream((client) =>
      client.request('post', `${API}/accounts/{accountId}/vault/export`, {
        ...AS_IT_COMES,
        params: { path: { accountId } },
        body: { passphrase },
      }),
    );
    return { generation: Number(headers.get('x-vault-generation')), bytes };
  }

  /** Closes the session at the daemon for good. */
  async confirmExport(accountId: string, generation: number): Promise<void> {
    const { bytes } = await this.#api.openStream((client) =>
      client.request('post', `${API}/accounts/{accountId}/vault/export/confirm`, {
        ...AS_IT_COMES,
        params: { path: { accountId } },
        body: { generation },
      }),
    );
    // Read to its end, so that the connection is free.
    for await (const _piece of bytes);
  }

  async import(
    file: Blob,
    passphrase: string,
  ): Promise<{ readonly accountId: string; readonly generation: number }> {
    return this.#api.importVault(file, passphrase);
  }
}

async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of bytes) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** @throws AppError of the daemon, where the line is one */
function parseLine(text: string): UpkeepLine {
  const line = JSON.parse(text);
  if (line.error === undefined) return line;
  const code: ErrorCode = Object.hasOwn(ERROR_CATALOGUE, line.error.code) ? line.error.code : 'INTERNAL';
  throw new AppError(code, { message: line.error.message, details: line.error.details });
}
