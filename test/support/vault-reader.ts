/**
 * A second reader of sealed sessions, written from docs/vault-format.md alone: it shares no code with src/vault, so
 * that the page and the daemon cannot both be wrong in the same way. It takes whole files, and is no model of speed.
 */
import { createDecipheriv, hkdfSync, scryptSync } from 'node:crypto';

/** What unlocks a file: an encryption key of 32 bytes, or the passphrase of an export. */
export type VaultSecret = { readonly key: Uint8Array } | { readonly passphrase: string };

/** What the header says, and the plaintext: an archive, when the daemon wrote it. */
export interface ReadVault {
  readonly accountId: string;
  readonly generation: bigint;
  readonly sealedAtMs: bigint;
  readonly keyId: string;
  readonly plain: Buffer;
}

const MIB = 1_048_576;

/** Reads a whole file. Throws an Error for whatever the page does not allow. */
export function readVault(file: Buffer, secret: VaultSecret): ReadVault {
  refuseIf(file.length < 145, 'shorter than a header');
  refuseIf(file.toString('latin1', 0, 8) !== 'SWBVAULT', 'another magic');
  refuseIf(file.readUInt8(8) !== 1, 'another version');
  const generation = file.readBigUInt64BE(25);
  const sealedAtMs = file.readBigUInt64BE(33);
  refuseIf(generation < 1n || generation >= 2n ** 53n, 'no such generation');
  refuseIf(sealedAtMs > 8_640_000_000_000_000n, 'no such time');
  const dataKey = gcm({
    key: wrappingKey(file, secret),
    nonce: file.subarray(85, 97),
    bound: file.subarray(0, 85),
    sealed: file.subarray(97, 145),
  });
  return {
    accountId: file.toString('hex', 9, 25),
    generation,
    sealedAtMs,
    keyId: file.toString('hex', 42, 50),
    plain: readBody(file, dataKey),
  };
}

function wrappingKey(file: Buffer, secret: VaultSecret): Buffer {
  const kind = file.readUInt8(41);
  const salt = file.subarray(50, 82);
  const [log2N = 0, r = 0, p = 0] = file.subarray(82, 85);
  if ('key' in secret) {
    refuseIf(kind !== 1 || log2N !== 0 || r !== 0 || p !== 0, 'not under a key');
    const keyId = Buffer.from(hkdfSync('sha256', secret.key, '', 'switchboard vault key id v1', 8));
    refuseIf(!keyId.equals(file.subarray(42, 50)), 'under another key');
    return Buffer.from(hkdfSync('sha256', secret.key, salt, 'switchboard vault wrap v1', 32));
  }
  refuseIf(kind !== 2 || !file.subarray(42, 50).equals(Buffer.alloc(8)), 'not under a passphrase');
  const bytes = 128 * 2 ** log2N * r;
  refuseIf(log2N < 14 || r < 1 || p < 1 || p > 4 || bytes > 256 * MIB, 'scrypt out of bounds');
  return scryptSync(secret.passphrase.normalize('NFC'), salt, 32, {
    N: 2 ** log2N,
    r,
    p,
    maxmem: 512 * MIB,
  });
}

function readBody(file: Buffer, key: Buffer): Buffer {
  const identity = file.subarray(0, 41);
  const plain: Buffer[] = [];
  for (let number = 0, at = 145; ; number += 1) {
    const sealed = file.subarray(at, at + MIB + 16);
    at += sealed.length;
    const last = at === file.length ? 1 : 0;
    const place = Buffer.from(number.toString(16).padStart(16, '0') + (last ? '01' : '00'), 'hex');
    const nonce = Buffer.concat([Buffer.alloc(3), place]);
    plain.push(gcm({ key, nonce, bound: Buffer.concat([identity, place]), sealed }));
    if (last) return Buffer.concat(plain);
  }
}

function gcm(input: { key: Buffer; nonce: Buffer; bound: Buffer; sealed: Buffer }): Buffer {
  refuseIf(input.sealed.length < 16, 'no room for a tag');
  const decipher = createDecipheriv('aes-256-gcm', input.key, input.nonce, { authTagLength: 16 });
  decipher.setAAD(input.bound).setAuthTag(input.sealed.subarray(-16));
  return Buffer.concat([decipher.update(input.sealed.subarray(0, -16)), decipher.final()]);
}

function refuseIf(isWrong: boolean, why: string): void {
  if (isWrong) throw new Error(`Not a sealed session: ${why}.`);
}
