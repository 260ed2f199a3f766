import { parseAccountId, parseInstanceId } from '../../src/accounts/ids.ts';
import { takeLease } from '../../src/db/lease-store.ts';
import type { Lease } from '../../src/instances/lease.ts';
import { endRun, insertRun } from './instance-rows.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from './vault-stage.ts';

/** A daemon with a disk of its own, and the lease that it takes itself to hold. */
export interface VaultDaemon {
  readonly stage: VaultStage;
  lease: Lease | undefined;
}

/** Daemons on one machine that share a database, and take one account from one another. */
export class VaultDaemons implements AsyncDisposable {
  readonly #places: VaultPlaces;
  readonly #stack = new AsyncDisposableStack();

  constructor(places: VaultPlaces) {
    this.#places = places;
  }

  /** One that is opened again under the same name is that daemon after a kill. */
  async open(
    name: string,
    {
      runtimePath = `${this.#places.runtimePath}-${name}`,
      ...settings
    }: VaultStageSettings & { readonly runtimePath?: string } = {},
  ): Promise<VaultDaemon> {
    const own = { runtimePath, sessionPath: `${this.#places.sessionPath}-${name}` };
    const all: VaultStageSettings = { ...settings, findLease: () => daemon.lease, instance: name };
    const stage = this.#stack.use(await VaultStage.open({ ...this.#places, ...own }, all));
    const daemon: VaultDaemon = { stage, lease: undefined };
    return daemon;
  }

  /** The instance holds the account from now on; whoever held it does not, and may not know. */
  async take({ stage }: VaultDaemon, instance: string): Promise<Lease> {
    const { db, accountId } = stage;
    const { lease_run } = await db
      .selectFrom('accounts')
      .select('lease_run')
      .where('id', '=', accountId)
      .executeTakeFirstOrThrow();
    if (lease_run !== null) await endRun(db, Number(lease_run));
    const run = await insertRun(db, instance);
    this.#stack.defer(() => endRun(db, run));
    const instanceId = parseInstanceId(instance);
    const id = parseAccountId(this.#places.accountId);
    const taking = await takeLease(db, { accountId: id, run, instanceId });
    if (taking.kind !== 'taken') throw new Error(`The lease could not be taken: ${taking.kind}.`);
    return taking.lease;
  }

  /** It takes the lease, and knows of it. */
  async hold(daemon: VaultDaemon, instance: string): Promise<void> {
    daemon.lease = await this.take(daemon, instance);
  }

  /** The daemon `a`, which was killed over a session that had gone on since it was sealed. */
  async leaveOpen(settings: VaultStageSettings = {}): Promise<VaultDaemon> {
    const daemon = await this.open('a', settings);
    await this.hold(daemon, 'a');
    await daemon.stage.seal('sealed');
    await daemon.stage.takeOut();
    await daemon.stage.store('gone on');
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What a daemon has said in its log. */
export const messagesOf = ({ stage }: VaultDaemon) => stage.log.lines.map(({ message }) => message);

/** Where the profile that was used last may lie, as the account's row says. */
export async function readPlaces({ stage }: VaultDaemon): Promise<readonly string[]> {
  return await stage.index.findPlaces(stage.accountId);
}

/** Whatever lies open lies on another machine. */
export async function moveAway({ stage }: VaultDaemon): Promise<void> {
  await stage.db
    .updateTable('accounts')
    .set({ profile_places: [`/on/another/machine/session-${stage.accountId}`] })
    .where('id', '=', stage.accountId)
    .execute();
}

/** The database does not answer the daemon about its vault any more, until the result is called. */
export function cutOff({ stage }: VaultDaemon): () => void {
  const { index } = stage;
  const answering = { ...index };
  const away = () => Promise.reject(new Error('The database is away.'));
  for (const name of Object.keys(index)) Object.assign(index, { [name]: away });
  return () => void Object.assign(index, answering);
}
