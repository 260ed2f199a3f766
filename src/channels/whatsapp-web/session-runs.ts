import type { Account, AccountStore } from '../../accounts/account.ts';
import type { AccountId, InstanceId } from '../../accounts/ids.ts';
import { REASONS } from '../../accounts/reason.ts';
import type { Config } from '../../config/config.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ChannelListener } from '../channel.ts';
import type { AccountTurns } from './account-turns.ts';
import type { Browser } from './browser.ts';
import type { BrowserGuard } from './guard.ts';
import { LaunchGate, ownLaunchPlaces } from './launch-gate.ts';
import { ProcessFamilies } from './process-families.ts';
import type { ProfileKeeper } from './profile-keeper.ts';
import { Session } from './session.ts';
import type { SessionClient } from './session-life.ts';
import type { SessionRemains } from './session-remains.ts';
import type { Run, Slot, Slots } from './slots.ts';
import { type ClientDeps, type ClientEvent, WhatsAppClient } from './whatsapp-client.ts';

/** Makes what a life of a session runs on. */
export type MakeClient = (deps: ClientDeps, onEvent: (event: ClientEvent) => void) => SessionClient;

const makeBrowserClient: MakeClient = (deps, onEvent) => new WhatsAppClient(deps, onEvent);

/** Looks at all processes of the machine between two at the memory of one session. */
const LOOKS_AN_INTERVAL = 3;

/** What all sessions of an instance run on. */
export interface RunParts {
  readonly config: Pick<Config, 'browser'>;
  /** Where profiles are opened. */
  readonly runtimePath: string;
  readonly profiles: ProfileKeeper;
  readonly browser: Browser;
  readonly instanceId: InstanceId;
  readonly store: AccountStore;
  readonly listener: ChannelListener;
  readonly clock: Clock;
  readonly log: Logger;
  readonly guard: BrowserGuard;
  readonly isRoot: boolean;
  /** A browser with WhatsApp Web by default. */
  readonly makeClient?: MakeClient;
  /** Browsers that start at the same time; `ownLaunchPlaces` by default. */
  readonly launchPlaces?: number;
  /** For the browsers; free of secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface SessionRunsDeps extends RunParts {
  readonly timings: SessionTimings;
  readonly slots: Slots;
  readonly turns: AccountTurns;
  readonly remains: SessionRemains;
  /** Aborts when the pool stops: from then on slots and leases are the stop's to give back. */
  readonly signal: AbortSignal;
}

/** Runs of sessions, each from its launch in a slot until nothing of it is left there. */
export class SessionRuns {
  readonly #deps: SessionRunsDeps;
  readonly #gate: LaunchGate;
  readonly #families: ProcessFamilies;

  constructor(deps: SessionRunsDeps) {
    this.#deps = deps;
    const { launchJitterMs, memoryIntervalMs } = deps.timings;
    this.#families = new ProcessFamilies({
      clock: deps.clock,
      servesMs: memoryIntervalMs / LOOKS_AN_INTERVAL,
    });
    const { launchPlaces = ownLaunchPlaces() } = deps;
    this.#gate = new LaunchGate(launchPlaces, () => Math.random() * launchJitterMs);
  }

  /** Begins a session in the account's slot, which is its own until the run has ended. For the account's turn. */
  launch(account: Account, slot: Slot): void {
    const { store, instanceId, listener, profiles, clock, timings } = this.#deps;
    const { id: accountId } = account;
    const stop = new AbortController();
    const log = this.#deps.log.child({ accountId });
    const session = new Session(
      {
        account,
        instanceId,
        store,
        listener,
        gate: this.#gate,
        clock,
        log,
        timings,
        profile: profiles,
        makeClient: (onEvent, linked) => this.#makeClient({ ...account, linked }, log, onEvent),
      },
      stop.signal,
    );
    const run: Run = { session, stop, afterStop: 'leave', end: undefined, ended: Promise.resolve() };
    slot.run = run;
    run.ended = this.#run(accountId, slot, run);
  }

  /** Asks a session to stop and resolves when nothing of it is left. @throws AppError SESSION_DEADLINE, and it goes on */
  async stop(run: Run): Promise<void> {
    run.stop.abort(new Error('The session was asked to stop.'));
    await withDeadline(run.ended, this.#deps.timings.profileDeadlineMs, 'Ending the session');
  }

  #makeClient(account: Account, log: Logger, onEvent: (event: ClientEvent) => void): SessionClient {
    this.#deps.turns.requireLease(account.id);
    const { config, runtimePath, browser, instanceId, guard, clock, isRoot, environment } = this.#deps;
    const { profiles, turns, listener, timings, makeClient = makeBrowserClient } = this.#deps;
    const { expectedPhoneNumber: phoneNumber } = account;
    // A page that offers a code to an account that is linked says only that it no longer is.
    const byCode = account.pairing === 'code' && !account.linked && phoneNumber !== null;
    return makeClient(
      {
        accountId: account.id,
        instanceId,
        displayName: account.displayName,
        pairing: byCode ? { kind: 'code', phoneNumber } : { kind: 'qr' },
        browser,
        livePath: runtimePath,
        requireLease: () => turns.requireLease(account.id),
        requireProfile: () => profiles.requireOpen(account.id),
        whenRoom: async () => listener.whenRoom?.(account.id),
        extraArgs: config.browser.extraArgs,
        clock,
        log,
        timings,
        guard,
        families: this.#families,
        isRoot,
        environment,
      },
      onEvent,
    );
  }

  async #run(accountId: AccountId, slot: Slot, run: Run): Promise<void> {
    const { profiles, remains, slots, turns, log, signal } = this.#deps;
    const { session, stop } = run;
    try {
      run.end = await session.run();
      if (run.end === 'stopped') {
        if (run.afterStop === 'seal') await remains.sealStopped(accountId, session);
        return;
      }
      if (run.end === 'moved') return await profiles.discardOutdated(accountId);
      // A link that WhatsApp ended, or that was never made, leaves nothing worth keeping in the profile.
      if (REASONS[run.end].keepsLink) await remains.putAway(accountId, session);
      else await remains.untilForgotten(accountId, stop.signal);
    } catch (thrown) {
      const error = toError(thrown).message;
      if (thrown instanceof LeaseLostError)
        log.warn('The end of a session is left to whoever has its account now', { accountId, error });
      else log.error('A session ended in a way that nobody foresaw', { accountId, error });
    } finally {
      if (!signal.aborted) {
        slots.vacate(accountId, slot);
        turns.giveBack(accountId);
      }
    }
  }
}
