/**
 * PostgreSQL refuses to run as root. A daemon that is root runs it as `nobody`, with one capability kept: to walk
 * through folders that are closed to others, since DATA_PATH is 0700 and a clone may lie under /root. What it
 * writes to belongs to `nobody`; what it reads there beyond its own is bounded by its only role being no superuser.
 */
import { chown, readFile } from 'node:fs/promises';

/** `nobody` on every Linux distribution. */
const NOBODY = { uid: 65_534, gid: 65_534 } as const;

/** Bits of CapEff in /proc/self/status. Reading is enough; containers often have only the wider one. */
const CAPABILITIES = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
] as const;

/** A program and its arguments. */
export interface Invocation {
  readonly file: string;
  readonly args: readonly string[];
}

/** The user that PostgreSQL runs as. */
export interface PostgresUser {
  /** Another user than the daemon's own, who must own the files that PostgreSQL writes. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** How to run the program as this user; the process keeps its pid. */
  readonly invoke: (file: string, args: readonly string[]) => Invocation;
  /** Hands a file or folder over to this user. */
  readonly own: (path: string) => Promise<void>;
}

/** The daemon's own user, or `nobody` for root. */
export async function findPostgresUser(): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) {
    return { owner: undefined, invoke: (file, args) => ({ file, args }), own: async () => undefined };
  }
  const capability = findCapability(await readFile('/proc/self/status', 'utf8'));
  return {
    owner: NOBODY,
    invoke: (file, args) => ({
      file: 'setpriv',
      args: [...dropRootArguments(capability), '--', file, ...args],
    }),
    own: (path) => chown(path, NOBODY.uid, NOBODY.gid),
  };
}

/** The narrowest capability to walk closed folders that this process can hand on, if it has one. */
export function findCapability(status: string): string | undefined {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return CAPABILITIES.find(({ bit }) => ((mask >> bit) & 1n) === 1n)?.name;
}

function dropRootArguments(capability: string | undefined): string[] {
  const drop = [`--reuid=${NOBODY.uid}`, `--regid=${NOBODY.gid}`, '--clear-groups'];
  if (capability === undefined) return drop;
  // Without the bit the kernel leaves the capability aside when a program asks whether it may run another, as initdb does.
  const keep = '--securebits=+no_setuid_fixup';
  return [...drop, keep, `--inh-caps=+${capability}`, `--ambient-caps=+${capability}`];
}
