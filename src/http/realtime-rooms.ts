/**
 * Who hears what: whoever sees all accounts of a tenant is in the tenant's room, everybody else in the room of each account
 * that was granted. What a client may hear is looked up after it is among those who are told of changes, and again at each
 * change of its key or its grants, one look after the other: so the last look always follows the last change.
 */
import type { DefaultEventsMap, Socket } from 'socket.io';
import type { AccountId, TenantId } from '../accounts/ids.ts';
import { type Principal, principalToScope } from '../accounts/principal.ts';
import type { AccessChanges } from '../db/access-watch.ts';
import { listGrantedAccounts } from '../db/account-grant-store.ts';
import { waitMs } from '../lib/abort.ts';
import { AppError, toError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Authenticator } from './authentication.ts';
import type { HttpDeps } from './context.ts';
import { makeForbidden } from './forbidden.ts';

/** Timers hold no more than 24 days: a longer time is waited for in parts, in milliseconds. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

export type RoomDeps = Pick<HttpDeps, 'db' | 'clock' | 'log'> & {
  readonly authenticator: Authenticator;
  readonly accessChanges: AccessChanges;
  /** Called for a connected client that is in other rooms from now on. */
  readonly onMoved: (member: RealtimeMember) => void;
};

/** Of a client, whatever it is sent. */
export type RealtimeMember = Pick<
  Socket<DefaultEventsMap, DefaultEventsMap>,
  'id' | 'connected' | 'rooms' | 'join' | 'leave' | 'disconnect' | 'once' | 'conn' | 'data'
>;

/** What is kept of who a client is, for the time that it is cut off: JSON. */
type Holder = Pick<Principal, 'kind' | 'id' | 'tenantId'>;

interface Membership {
  principal: Principal;
  readonly left: AbortController;
}

/** The rooms in which an account's news is heard. */
export function roomsOfAccount(account: { readonly tenantId: TenantId; readonly accountId: AccountId }) {
  return [roomOfTenant(account.tenantId), roomOf(account.accountId)];
}

/** Keeps each client in the rooms of what it may hear, until this is disposed. */
export class RealtimeRooms implements Disposable {
  readonly #deps: RoomDeps;
  readonly #members = new Map<RealtimeMember, Membership>();
  readonly #looks = new KeyedSerial<RealtimeMember>();
  readonly #unsubscribe: () => void;

  constructor(deps: RoomDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.accessChanges.subscribe((principalId) => this.#review(principalId));
  }

  /**
   * Lets a client in as this principal.
   * @throws AppError FORBIDDEN; UNAUTHENTICATED if the key was revoked this very moment
   */
  async admit(member: RealtimeMember, principal: Principal): Promise<void> {
    if (!principal.permissions.has('whatsapp:read')) throw makeForbidden('whatsapp:read');
    const membership = { principal, left: new AbortController() };
    member.data = principalToHolder(principal);
    this.#members.set(member, membership);
    // The one comes where only Socket.IO's own connection ends, the other also to a client that was never let in.
    const forget = () => this.#forget(member);
    member.once('disconnect', forget);
    member.conn.once('close', forget);
    // A client may leave and enter on one connection as often as it likes.
    membership.left.signal.addEventListener('abort', () => member.conn.off('close', forget));
    try {
      const mayStay = await this.#looks.run(member, () => this.#settle(member));
      if (!mayStay) throw new AppError('UNAUTHENTICATED');
    } catch (thrown) {
      this.#forget(member);
      throw thrown;
    }
    void this.#endInTime(member, membership);
  }

  #forget(member: RealtimeMember): void {
    this.#members.get(member)?.left.abort();
    this.#members.delete(member);
  }

  #review(principalId: string | null): void {
    for (const [member, { principal }] of this.#members) {
      if (principalId === null || principal.id === principalId) void this.#look(member);
    }
  }

  /** Never rejects. Whoever may hear nothing any more is sent away; if it cannot be told, the client comes again. */
  async #look(member: RealtimeMember): Promise<void> {
    try {
      const mayStay = await this.#looks.run(member, () => this.#settle(member));
      if (!mayStay) member.disconnect(true);
    } catch (thrown) {
      const { message } = toError(thrown);
      this.#deps.log.warn('A Socket.IO client was cut off: what it may hear could not be read', {
        error: message,
      });
      member.conn.close();
    }
  }

  /** Puts the member into the rooms of what it may hear now, and no others; false if it may hear nothing at all. */
  async #settle(member: RealtimeMember): Promise<boolean> {
    const membership = this.#members.get(member);
    // It went away meanwhile.
    if (membership === undefined) return true;
    const principal = await this.#deps.authenticator.renew(membership.principal);
    if (principal === undefined || !principal.permissions.has('whatsapp:read')) return false;
    membership.principal = principal;
    const wanted = new Set(await this.#findRooms(principal));
    if (!this.#members.has(member)) return true;
    const left = [...member.rooms].filter((room) => isOurs(room) && !wanted.has(room));
    const entered = [...wanted].filter((room) => !member.rooms.has(room));
    for (const room of left) await member.leave(room);
    await member.join(entered);
    if (member.connected && left.length + entered.length > 0) this.#deps.onMoved(member);
    return true;
  }

  async #findRooms(principal: Principal): Promise<readonly string[]> {
    const { tenantId, grantee } = principalToScope(principal);
    if (grantee === null) return [roomOfTenant(tenantId)];
    const accounts = await listGrantedAccounts(this.#deps.db, { tenantId, grantee });
    return accounts.map(roomOf);
  }

  /** Never rejects. */
  async #endInTime(member: RealtimeMember, membership: Membership): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = membership.left;
    try {
      for (;;) {
        const leftMs = (membership.principal.expiresAt ?? Number.POSITIVE_INFINITY) - clock.now();
        if (leftMs <= 0) break;
        await waitMs(Math.min(leftMs, LONGEST_WAIT_MS), signal);
      }
    } catch (thrown) {
      if (signal.aborted) return;
      throw thrown;
    }
    await this.#look(member);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    for (const member of this.#members.keys()) this.#forget(member);
  }
}

function principalToHolder({ kind, id, tenantId }: Principal): Holder {
  return { kind, id, tenantId };
}

/** True if two clients with these `data` were let in as the same. */
export function isSameHolder(one: unknown, other: unknown): boolean {
  const [a, b] = [one as Holder, other as Holder];
  return a.kind === b.kind && a.id === b.id && a.tenantId === b.tenantId;
}

const TENANT = 'tenant:';
const ACCOUNT = 'account:';

/** The room of whoever sees all of the tenant. */
export function roomOfTenant(tenantId: TenantId): string {
  return TENANT + tenantId;
}

function roomOf(accountId: AccountId): string {
  return ACCOUNT + accountId;
}

/** False for the room of its own that every client is in, by its id. */
export function isOurs(room: string): boolean {
  return room.startsWith(TENANT) || room.startsWith(ACCOUNT);
}
