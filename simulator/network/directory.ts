import type { GroupInfo, Peer, WireMessage } from '../protocol.ts';
import { Account, type AccountOptions } from './account.ts';
import { Rejection } from './rejection.ts';

/** Who there is: accounts and groups, and who of them a message concerns. */
export class Directory {
  readonly #accounts = new Map<string, Account>();
  readonly #byPn = new Map<string, Account>();
  readonly #groups = new Map<string, GroupInfo>();

  accounts(): Account[] {
    return [...this.#accounts.values()];
  }

  openAccount(name: string, options: AccountOptions): Account {
    const known = this.#accounts.get(name);
    if (known) {
      if (options.number !== undefined && options.number !== known.pn) {
        throw new Rejection(409, `phone "${name}" has the number ${known.pn}`);
      }
      known.change(options);
      return known;
    }
    const account = new Account(name, options);
    if (this.#byPn.has(account.pn)) throw new Rejection(409, `the number ${account.pn} is taken`);
    this.#accounts.set(name, account);
    this.#byPn.set(account.pn, account);
    return account;
  }

  getAccount(name: string): Account {
    const account = this.#accounts.get(name) ?? this.#byPn.get(name);
    if (!account) throw new Rejection(404, `no phone "${name}"; make it by POST /phones`);
    return account;
  }

  findByPn(pn: string): Account | undefined {
    return this.#byPn.get(pn);
  }

  putGroup(group: GroupInfo): void {
    this.#groups.set(group.id, group);
  }

  groups(): GroupInfo[] {
    return [...this.#groups.values()];
  }

  findGroup(id: string): GroupInfo | undefined {
    return this.#groups.get(id) ?? this.groups().find((group) => group.subject === id);
  }

  groupsOf(account: Account): GroupInfo[] {
    return this.groups().filter((group) => group.participants.some(({ pn }) => pn === account.pn));
  }

  peersOfGroups(groups: readonly GroupInfo[]): Peer[] {
    return groups.flatMap((group) => this.peersOf(group));
  }

  receivers(message: WireMessage): Account[] {
    return this.audience(message).filter((account) => account.pn !== message.from);
  }

  /** Everyone a message concerns, its author included. */
  audience(message: WireMessage): Account[] {
    const pns =
      'user' in message.to
        ? [message.from, message.to.user]
        : [message.from, ...this.#membersOf(message.to.group)];
    return [...new Set(pns)].flatMap((pn) => this.#byPn.get(pn) ?? []);
  }

  #membersOf(group: string): string[] {
    return this.#groups.get(group)?.participants.map(({ pn }) => pn) ?? [];
  }

  /** Those whom a page must know to show the message. */
  peersFor(message: WireMessage): Peer[] {
    const pns = 'user' in message.to ? [message.from, message.to.user] : [message.from];
    return pns.flatMap((pn) => this.#byPn.get(pn)?.peer ?? []);
  }

  peersOf(group: GroupInfo): Peer[] {
    return this.#membersOf(group.id).flatMap((pn) => this.#byPn.get(pn)?.peer ?? []);
  }
}
