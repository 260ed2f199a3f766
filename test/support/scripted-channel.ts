import type { AccountStore } from '../../src/accounts/account.ts';
import type { AccountId, InstanceId } from '../../src/accounts/ids.ts';
import type { Channel, ConnectedSession, PreparedSend, SessionStatus } from '../../src/channels/channel.ts';
import { AppError } from '../../src/lib/errors.ts';

/** A channel without browsers: it writes down what it is asked, and stores what a session would store at once. */
export class ScriptedChannel implements Channel {
  readonly calls: {
    readonly call: 'start' | 'disconnect' | 'release' | 'abandon';
    readonly id: AccountId;
    readonly fresh?: boolean;
  }[] = [];
  readonly statuses = new Map<AccountId, SessionStatus>();
  /** Thrown by every start while it is set. */
  refusal: Error | undefined;
  /** Thrown by every abandonment while it is set. */
  abandonment: Error | undefined;
  readonly #store: AccountStore;
  readonly #instanceId: InstanceId;

  constructor(store: AccountStore, instanceId: InstanceId) {
    this.#store = store;
    this.#instanceId = instanceId;
  }

  async start(id: AccountId, options: { readonly fresh?: boolean } = {}): Promise<void> {
    this.calls.push({ call: 'start', id, fresh: options.fresh ?? false });
    if (this.refusal !== undefined) throw this.refusal;
    await this.#store.saveStart(id, this.#instanceId);
  }

  async disconnect(id: AccountId): Promise<void> {
    this.calls.push({ call: 'disconnect', id });
    await this.#store.saveOver(id, this.#instanceId);
    await this.#store.saveRest(id, { reason: 'user_disconnected' });
  }

  async release(id: AccountId): Promise<void> {
    this.calls.push({ call: 'release', id });
    await this.#store.saveRest(id, { reason: 'exported' });
  }

  async abandon(id: AccountId): Promise<void> {
    this.calls.push({ call: 'abandon', id });
    if (this.abandonment !== undefined) throw this.abandonment;
    await this.#store.saveOver(id, this.#instanceId);
    await this.#store.saveRest(id, { reason: 'moved_away' });
  }

  async react(id: AccountId, message: PreparedSend, emoji: string): Promise<void> {
    const session = this.connected.get(id);
    if (session === undefined) throw new AppError('ACCOUNT_NOT_CONNECTED');
    await session.react(message, emoji);
  }

  /** Sessions that are connected. */
  readonly connected = new Map<AccountId, ConnectedSession>();

  findConnected(id: AccountId): ConnectedSession | undefined {
    return this.connected.get(id);
  }

  findStatus(id: AccountId): SessionStatus | undefined {
    return this.statuses.get(id);
  }
}
