/**
 * The daemon with a launch gate of as many places as its argument says, 0 for no gate, which times the probes of its pages;
 * see `startMeasuredDaemon`.
 */
import { WhatsAppClient } from '../../src/channels/whatsapp-web/whatsapp-client.ts';
import { runMeasuredDaemon } from '../run-measured-daemon.ts';

/** What the daemon took so far. */
export interface BootFigures {
  readonly cpuMs: number;
  /** How long each probe of a connected page took until it was answered, or given up. */
  readonly probesMs: readonly number[];
}

const probesMs: number[] = [];

class TimedClient extends WhatsAppClient {
  override async probe(): Promise<void> {
    const since = performance.now();
    try {
      await super.probe();
    } finally {
      probesMs.push(performance.now() - since);
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
    return { cpuMs: (user + system) / 1_000, probesMs };
  },
);
