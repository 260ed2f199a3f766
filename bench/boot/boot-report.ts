import { DEFAULT_TIMINGS } from '../../src/config/session-timings.ts';
import type { Measured, Table } from '../benchmark.ts';
import { median, timesToText } from '../figures.ts';
import { percentile } from '../latency.ts';
import type { Boot } from './boot-run.ts';
import { type BootSettings, OWN_GATE } from './boot-settings.ts';

/** By how much the daemon's own gate may be slower than the best. */
const TIME_AIM = 1.2;

/** A probe of a session that is up is given up after so long, and the session ends with the second. */
const PROBE_AIM_MS = DEFAULT_TIMINGS.probeDeadlineMs;

/** All boots with one gate. */
interface GateFigures {
  readonly gate: number;
  readonly halfMs: readonly number[];
  readonly allMs: readonly number[];
  /** The median of `allMs`, by that of the best gate. */
  readonly byBest: number;
  readonly falls: number;
  /** Of sessions that were up while others started; null if none was probed in time. */
  readonly probeMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  /** Whether sessions that were up went without an answer, for those that started. */
  readonly isStarving: boolean;
}

/** Tables and figures of a run: which gate is best, and what the daemon's own misses. */
export function reportBoots(settings: BootSettings, boots: readonly Boot[]): Measured {
  const medians = settings.gates.map((gate) => median(bootsWith(gate, boots).map(({ allMs }) => allMs)));
  const best = Math.min(...medians);
  const each = settings.gates.map((gate) => toFigures(gate, bootsWith(gate, boots), best));
  const missed = each.filter(({ gate }) => gate === OWN_GATE).flatMap(findMissed);
  return {
    title: `${settings.accounts} sessions are restored; ${settings.rounds} boots with each gate, in turns. The daemon’s own has ${OWN_GATE} places here.`,
    tables: [makeTable(each)],
    notes: [
      `The daemon’s own gate should take ${TIME_AIM} × as long as the best at most, and starve no session. Probes are those of`,
      `sessions that are up while the others start; one that takes ${PROBE_AIM_MS / 1_000} s twice ends its session.`,
      missed.length === 0 ? 'No aim is missed.' : `Missed: ${missed.join('; ')}.`,
    ],
    figures: { settings, ownGate: OWN_GATE, aims: { byBest: TIME_AIM, probeMs: PROBE_AIM_MS }, missed, each },
  };
}

const bootsWith = (gate: number, boots: readonly Boot[]) => boots.filter((boot) => boot.gate === gate);

function toFigures(gate: number, boots: readonly Boot[], bestMs: number): GateFigures {
  const allMs = boots.map((boot) => boot.allMs);
  const probesMs = boots.flatMap((boot) => boot.probesMs);
  const falls = boots.reduce((sum, boot) => sum + boot.falls, 0);
  const longest = Math.max(0, ...probesMs);
  return {
    gate,
    allMs,
    halfMs: boots.map((boot) => boot.halfMs),
    byBest: median(allMs) / bestMs,
    falls,
    probeMs:
      probesMs.length === 0 ? null : { p50: median(probesMs), p99: percentile(probesMs, 99), max: longest },
    isStarving: falls > 0 || longest >= PROBE_AIM_MS,
  };
}

/** What the gate misses, as sentences without an end. */
function findMissed({ byBest, falls, probeMs }: GateFigures): string[] {
  const longest = probeMs?.max ?? 0;
  return [
    ...(byBest > TIME_AIM ? [`${byBest.toFixed(2)} × as long as the best gate`] : []),
    ...(longest < PROBE_AIM_MS ? [] : [`a probe of ${(longest / 1_000).toFixed(1)} s`]),
    ...(falls === 0 ? [] : [`${falls} falls of sessions that were up`]),
  ];
}

function makeTable(each: readonly GateFigures[]): Table {
  const longestOf = ({ probeMs, isStarving }: GateFigures) =>
    `${probeMs === null ? '-' : `${probeMs.max.toFixed(0)} ms`}${isStarving ? ', missed' : ''}`;
  return [
    [
      ...['places of the gate', 'half connected', 'all connected', 'by the best', 'falls'],
      ...['probe, median', 'longest'],
    ],
    ...each.map((figures) => [
      figures.gate === 0 ? 'no gate' : `${figures.gate}${figures.gate === OWN_GATE ? ' (the daemon’s)' : ''}`,
      timesToText(figures.halfMs),
      timesToText(figures.allMs),
      `${figures.byBest.toFixed(2)} ×`,
      String(figures.falls),
      figures.probeMs === null ? '-' : `${figures.probeMs.p50.toFixed(0)} ms`,
      longestOf(figures),
    ]),
  ];
}
