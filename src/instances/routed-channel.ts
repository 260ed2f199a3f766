/**
 * The channel as any instance shows it: what is asked of an account's session is done where that session is. Who holds the
 * account is read anew for each call, and again where it turns out that the account has moved meanwhile; everything that is
 * asked may be asked again, so that a holder that went while it was asked costs a second try.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Channel } from '../channels/channel.ts';
import { findHolder, listRoom } from '../db/account-holder.ts';
import type { Executor } from '../db/database.ts';
import { type AppError, isAppError } from '../lib/errors.ts';
import { HeldElsewhereError, LeaseLostError, type Leases } from './lease.ts';
import type { SessionCall } from './session-call.ts';
import { HolderGoneError, type PerformCall, type SessionCalls } from './session-calls.ts';

/** An account that is found at another holder so many times in a row moves faster than it can be asked for. */
const TRIES = 3;

export interface RoutedChannelDeps {
  /** The sessions of this instance. */
  readonly local: Channel;
  readonly leases: Pick<Leases, 'find'>;
  readonly calls: Pick<SessionCalls, 'ask'>;
  /** The run of this instance at this moment; undefined while it has none. */
  readonly ownRun: () => number | undefined;
  readonly db: Executor;
}

/** Makes it. `findConnected` and `findStatus` know this instance's sessions alone. It holds nothing that needs closing. */
export function makeRoutedChannel(deps: RoutedChannelDeps): Channel {
  const { local } = deps;
  const atHolder = (accountId: AccountId, call: SessionCall) =>
    follow(deps, { accountId, call, unheld: () => callOn(local, accountId, call) });
  return {
    start: (accountId, { fresh = false } = {}) => {
      const call = { kind: 'start', fresh } as const;
      return follow(deps, { accountId, call, unheld: () => startSomewhere(deps, accountId, call) });
    },
    disconnect: (accountId) => atHolder(accountId, { kind: 'disconnect' }),
    release: (accountId) => atHolder(accountId, { kind: 'release' }),
    abandon: (accountId) => atHolder(accountId, { kind: 'abandon' }),
    react: (accountId, message, emoji) => atHolder(accountId, { kind: 'react', message, emoji }),
    findConnected: (accountId) => local.findConnected(accountId),
    findStatus: (accountId) => local.findStatus(accountId),
  };
}

/** Makes what does the calls of other instances on the sessions of this one. */
export function makePerformCall({
  local,
  leases,
  copied,
}: Pick<RoutedChannelDeps, 'local' | 'leases'> & {
  /** Resolves when what was sealed so far has its copies, as far as they can be made. Never rejects. */
  readonly copied: () => Promise<void>;
}): PerformCall {
  return async (accountId, call) => {
    // A start brings its account along; everything else is of no use where the account is not.
    if (call.kind !== 'start' && leases.find(accountId) === undefined) throw new HolderGoneError();
    await callOn(local, accountId, call);
    // Whoever asked looks for the sealed session, and cannot see this disk.
    if (call.kind === 'release') await copied();
  };
}

interface Errand {
  readonly accountId: AccountId;
  readonly call: SessionCall;
  /** What is done where nobody holds the account. @throws HeldElsewhereError, HolderGoneError if it was just taken */
  readonly unheld: () => Promise<void>;
}

async function follow(deps: RoutedChannelDeps, errand: Errand): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await goTo(deps, errand);
    } catch (thrown) {
      if (!hasMoved(thrown)) throw thrown;
      if (tried === TRIES) throw thrown instanceof HolderGoneError ? thrown : new HolderGoneError();
    }
  }
}

async function goTo({ local, leases, calls, ownRun, db }: RoutedChannelDeps, errand: Errand): Promise<void> {
  const { accountId, call, unheld } = errand;
  if (leases.find(accountId) !== undefined) return callOn(local, accountId, call);
  const holder = await findHolder(db, accountId);
  if (holder === undefined) return unheld();
  // It was taken here since, or is lapsing: the sessions of this instance know.
  if (holder.run === ownRun()) return callOn(local, accountId, call);
  await calls.ask(holder.run, accountId, call);
}

/** Here if there is room, else where there is most. @throws AppError POOL_FULL if there is none anywhere */
async function startSomewhere(
  { local, calls, ownRun, db }: RoutedChannelDeps,
  accountId: AccountId,
  call: SessionCall,
): Promise<void> {
  const full = await isRefused(callOn(local, accountId, call));
  if (full === undefined) return;
  const others = (await listRoom(db)).filter(({ run }) => run !== ownRun());
  for (const { run } of others) {
    if ((await isRefused(calls.ask(run, accountId, call))) === undefined) return;
  }
  throw full;
}

/** What a start was refused with for want of room, or undefined if it was not. */
async function isRefused(start: Promise<unknown>): Promise<AppError | undefined> {
  try {
    await start;
    return undefined;
  } catch (thrown) {
    if (isAppError(thrown, 'POOL_FULL')) return thrown;
    throw thrown;
  }
}

function hasMoved(thrown: unknown): boolean {
  return [HeldElsewhereError, LeaseLostError, HolderGoneError].some((moved) => thrown instanceof moved);
}

async function callOn(channel: Channel, accountId: AccountId, call: SessionCall): Promise<void> {
  switch (call.kind) {
    case 'start':
      return channel.start(accountId, { fresh: call.fresh });
    case 'disconnect':
      return channel.disconnect(accountId);
    case 'release':
      return channel.release(accountId);
    case 'abandon':
      return channel.abandon(accountId);
    case 'react':
      return channel.react(accountId, call.message, call.emoji);
    default:
      return call satisfies never;
  }
}
