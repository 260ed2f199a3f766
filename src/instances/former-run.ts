import type { FormerRun } from '../db/lease-store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { HostProcess } from './host-process.ts';
import type { LeaseTerms } from './lease-terms.ts';

export interface FormerRunDeps {
  readonly host: HostProcess;
  /** Whether another daemon shows itself under the name of this instance. */
  readonly isShown: () => Promise<boolean>;
  readonly terms: LeaseTerms;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Whether the former run of this instance is over before its lease has lapsed. On the same machine its process tells, or the
 * data folder that it had. One that had this folder on another machine, or before a boot, is over once it has had no
 * connection to the database for a while. Of any other nothing is known: that it has no connection may only mean that it was
 * cut off, and its sessions run on until its lease lapses.
 */
export class FormerRunWatch {
  readonly #deps: FormerRunDeps;
  /** When it was first seen to have no connection, until one was seen. */
  #unshown: { readonly run: number; readonly since: number } | undefined;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: FormerRunDeps) {
    this.#deps = deps;
  }

  /** Looks once more, and says in the log now and then that it is waited for. @throws what `isShown` throws */
  async isOver(former: FormerRun): Promise<boolean> {
    const sight = this.#deps.host.lookAt(former.process);
    const isOver =
      sight === 'own' || sight === 'gone' || (sight === 'displaced' && (await this.#isAway(former.run)));
    if (!isOver) this.#tell(former, sight === 'alive');
    return isOver;
  }

  async #isAway(run: number): Promise<boolean> {
    const { isShown, terms, clock } = this.#deps;
    const isAway = !(await isShown());
    const now = clock.monotonic();
    if (!isAway) this.#unshown = undefined;
    else if (this.#unshown?.run !== run) this.#unshown = { run, since: now };
    return this.#unshown !== undefined && now - this.#unshown.since >= terms.presenceGraceMs;
  }

  #tell({ run, process }: FormerRun, isAlive: boolean): void {
    const { clock, terms, log } = this.#deps;
    if (clock.monotonic() - this.#loggedAt < terms.formerLogMs) return;
    this.#loggedAt = clock.monotonic();
    log.warn(
      'Another daemon runs under the same INSTANCE_ID, or did until now; this one waits until it is over',
      {
        run,
        process,
        seen: isAlive ? 'its process is alive' : 'it may be alive elsewhere',
      },
    );
  }
}
