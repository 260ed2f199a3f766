import { setImmediate } from 'node:timers/promises';
import type { AccountId } from '../../src/accounts/ids.ts';
import type { SealedSessions } from '../../src/http/context.ts';
import type { CopyReport } from '../../src/vault/copy-reports.ts';
import { makePassphraseLock } from '../../src/vault/passphrase.ts';
import { openStream, peekHeader, sealStream } from '../../src/vault/sealed-stream.ts';
import type { KeyNeed } from '../../src/vault/snapshot-index.ts';
import type { NewestSnapshot } from '../../src/vault/vault.ts';

export interface Imported {
  readonly accountId: AccountId;
  readonly plain: Buffer;
}

/** A vault that holds one snapshot an account in memory; its files are of the real format. */
export class ScriptedVault implements SealedSessions {
  /** What each work on an account's copies reports, in this order. */
  readonly reports = new Map<AccountId, readonly CopyReport[]>();
  /** What still needs another key. */
  otherKeys: readonly KeyNeed[] = [];
  /** Thrown once the reports of an account are out. */
  readonly failures = new Map<AccountId, Error>();
  /** Works on copies that were asked for, with the reports that were taken from each. */
  readonly works: { readonly work: 'verify' | 'rotate'; taken: number; readonly ended: Promise<void> }[] = [];
  /** The plaintext of an account's newest snapshot. */
  readonly plain = new Map<AccountId, { readonly generation: number; readonly bytes: Buffer }>();
  /** Thrown by an export while it is set: before the first byte, or after so many. */
  exportFailure: { readonly error: Error; readonly after: number } | undefined;
  readonly imported: Imported[] = [];
  /** Accounts of which it was told to remove what counts no more. */
  readonly wiped: AccountId[] = [];
  /** Done while a snapshot is taken in. */
  meanwhile: (() => Promise<void>) | undefined;

  verify(accountIds: readonly AccountId[]): AsyncIterable<CopyReport> {
    return this.#report('verify', accountIds);
  }

  rotate(accountIds: readonly AccountId[]): AsyncIterable<CopyReport> {
    return this.#report('rotate', accountIds);
  }

  async *#report(
    work: 'verify' | 'rotate',
    accountIds: readonly AccountId[],
  ): AsyncGenerator<CopyReport, void, undefined> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const entry = { work, taken: 0, ended };
    this.works.push(entry);
    try {
      for (const id of accountIds) {
        for (const report of this.reports.get(id) ?? []) {
          // As a read from a disk would: whatever else has happened is dealt with before.
          await setImmediate();
          entry.taken += 1;
          yield report;
        }
        const failure = this.failures.get(id);
        if (failure) throw failure;
      }
    } finally {
      end();
    }
  }

  async findOtherKeys(): Promise<readonly KeyNeed[]> {
    return this.otherKeys;
  }

  async findNewest(accountId: AccountId): Promise<NewestSnapshot> {
    const generation = this.plain.get(accountId)?.generation ?? 0;
    return { generation, isSealed: generation > 0, profileEpoch: null };
  }

  async wipe(accountId: AccountId): Promise<boolean> {
    this.wiped.push(accountId);
    return true;
  }

  async exportNewest(
    accountId: AccountId,
    passphrase: string,
  ): Promise<{ readonly generation: number; readonly bytes: AsyncIterable<Uint8Array> }> {
    const { generation, bytes } = this.plain.get(accountId) ?? { generation: 1, bytes: Buffer.from('plain') };
    const identity = { accountId, generation, sealedAt: new Date() };
    const sealed = sealStream(pieces(bytes), { identity, keyRing: makePassphraseLock(passphrase) });
    return { generation, bytes: this.#break(sealed) };
  }

  async *#break(sealed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let sent = 0;
    if (this.exportFailure?.after === 0) throw this.exportFailure.error;
    for await (const piece of sealed) {
      yield piece;
      sent += piece.length;
      if (this.exportFailure && sent >= this.exportFailure.after) throw this.exportFailure.error;
    }
  }

  async importSnapshot(
    accountId: AccountId,
    bytes: AsyncIterable<Uint8Array>,
    passphrase: string,
  ): Promise<{ readonly generation: number }> {
    await this.meanwhile?.();
    await using file = await peekHeader(bytes);
    const { generation } = file.header.identity;
    const plain: Uint8Array[] = [];
    const keyRing = makePassphraseLock(passphrase);
    for await (const piece of openStream(file.sealed, { accountId, generation, keyRing })) plain.push(piece);
    this.imported.push({ accountId, plain: Buffer.concat(plain) });
    return { generation };
  }

  async peekExport(bytes: AsyncIterable<Uint8Array>) {
    const { header, sealed } = await peekHeader(bytes);
    const { accountId, sealedAt } = header.identity;
    return { accountId, sealedAt, bytes: sealed };
  }
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
