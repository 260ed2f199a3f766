import type { PoolDeps } from '../channels/whatsapp-web/pool.ts';
import type { Clock } from '../lib/clock.ts';

/** What the process edge gives: nothing below looks at the process itself. */
export interface AppEdge {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly isRoot: boolean;
  /** A person sits at the terminal and can scan what is drawn there. */
  readonly isTerminal: boolean;
  /** How the command line of this daemon is called, for what is printed about it. */
  readonly cli: string;
  write(text: string): void;
  /** Aborts when the daemon is asked to stop, also while it still starts. */
  readonly signal: AbortSignal;
  /** Sessions that run otherwise than those of a daemon, which gives nothing here: for what is to be measured. */
  readonly sessions?: Pick<PoolDeps, 'makeClient' | 'launchPlaces'>;
}
