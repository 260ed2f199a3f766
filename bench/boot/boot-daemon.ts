/**
 * The daemon with a launch gate of as many places as its argument says, 0 for no gate, which times the probes of its pages;
 * see `startMeasuredDaemon`.
 */
import { WhatsAppClient } from '../../src/channels/whatsapp-web/whatsapp-client.ts';
import { runMeasuredDaemon } from '../run-measured-daemon.ts';

/** What the daemon took so far. */
export interface BootFigures {
  readonly cpuMs: number;
  /** How long each probe of a connected page took until it was answered, or given up, or has been waiting by now. */
  readonly probesMs: readonly number[];
}

const probesMs: number[] = [];
/** Since when each waits that is under way. */
const waitingSince = new Set<{ readonly at: number }>();

class TimedClient extends WhatsAppClient {
  override async probe(): Promise<void> {
    const since = { at: performance.now() };
    waitingSince.add(since);
    try {
      await super.probe();
    } finally {
      waitingSince.delete(since);
      probesMs.push(performance.now() - since.at);
    }
  }
}

const places = Number(process.argv[2]);
await runMeasuredDaemon<BootFigures>(
  {
    makeClient: (deps, onEvent) => new TimedClient(deps, onEvent),
    launchPlaces: places === 0 ? Number.POSITIVE_INFINITY : places,
  },
  () => {
    const { user, system } = process.cpuUsage();
    const waitedMs = [...waitingSince].map(({ at }) => performance.now() - at);
    return { cpuMs: (user + system) / 1_000, probesMs: [...probesMs, ...waitedMs] };
  },
);
