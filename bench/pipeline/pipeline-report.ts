import type { Measured, Table } from '../benchmark.ts';
import { median } from '../figures.ts';
import type { Latency } from '../latency.ts';
import type { PipelineSettings } from './pipeline-settings.ts';

/** Messages a second. */
export interface IngestFigures {
  readonly ours: number;
  readonly naive: number;
  readonly multiRow: number;
}

export interface ContenderFigures {
  /** Messages a second of each burst. */
  readonly bursts: readonly number[];
  readonly paced: Latency;
  readonly carried: Latency;
  readonly answered: Latency;
}

export interface PageFigures {
  readonly library: ContenderFigures;
  readonly withoutUnread: Pick<ContenderFigures, 'bursts'>;
  readonly ours: ContenderFigures;
}

export interface PipelineRun {
  readonly settings: PipelineSettings;
  readonly ingest: IngestFigures;
  readonly pages: (PageFigures & { readonly accounts: number })[];
}

/**
 * What is known to be so on another machine, as ratios. A run in which one of them is off by more than this factor in
 * either direction measured something else: the machine was busy with other things, or a contender did not do its work.
 */
export const TOLERANCE = 2.5;
const KNOWN_RATIOS = {
  'rows in many, by the naive consumer': 13.6,
  'the library without unread_count, by with it': 2.3,
} as const;

interface Aim {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly aim: number;
  readonly atMost: boolean;
}

export function report(run: PipelineRun): Measured {
  const checks = makeChecks(run);
  const aims = makeAims(run);
  const reasons = checks
    .filter(({ isRight }) => !isRight)
    .map(({ name, value, known }) => `${name}: ${value.toFixed(1)} instead of about ${known}`);
  const { settings } = run;
  const title =
    `Bursts of ${settings.burst} (${settings.rounds} that count), ${settings.paced} at 20 a second, ` +
    `${settings.sends} sends, ${settings.ingest} through the queue.`;
  return {
    title: reasons.length === 0 ? title : `VOID: ${reasons.join('; ')}.\n${title}`,
    tables: [makeBurstTable(run), makeLatencyTable(run), makeIngestTable(run), makeAimTable(aims)],
    notes: NOTES,
    figures: {
      settings,
      valid: reasons.length === 0,
      voidBecause: reasons,
      toleranceFactor: TOLERANCE,
      checks,
      aims: aims.map((aim) => ({ ...aim, isMet: isMet(aim) })),
      ingestPerSecond: run.ingest,
      pages: run.pages.map(({ accounts, library, withoutUnread, ours }) => ({
        accounts,
        burstPerSecond: {
          library: median(library.bursts),
          libraryWithoutUnread: median(withoutUnread.bursts),
          switchboard: median(ours.bursts),
        },
        pacedMs: { library: library.paced, switchboard: ours.paced },
        sendCarriedMs: { library: library.carried, switchboard: ours.carried },
        sendAnsweredMs: { library: library.answered, switchboard: ours.answered },
        rounds: { library: library.bursts, withoutUnread: withoutUnread.bursts, switchboard: ours.bursts },
      })),
    },
  };
}

const NOTES = [
  'A burst lies in the pages’ own store before it is shown: measured is the way from the page’s event on, to the handler',
  'of the library, or to the committed row. One by one: from the network, through the page’s store, to there. A send: from',
  'the call until the network has it. The page is the simulator’s, far lighter than WhatsApp’s: only ratios travel.',
];

function makeChecks({ ingest, pages }: PipelineRun) {
  const [one] = pages;
  const unread = one ? median(one.withoutUnread.bursts) / median(one.library.bursts) : Number.NaN;
  const values = [ingest.multiRow / ingest.naive, unread];
  return Object.entries(KNOWN_RATIOS).map(([name, known], index) => {
    const value = values[index] ?? Number.NaN;
    return { name, value, known, isRight: value > known / TOLERANCE && value < known * TOLERANCE };
  });
}

function makeAims({ ingest, pages }: PipelineRun): readonly Aim[] {
  const least = (name: string, value: number, aim: number) => ({
    name,
    value,
    unit: '×',
    aim,
    atMost: false,
  });
  const most = (name: string, value: number, aim: number) => ({ name, value, unit: 'ms', aim, atMost: true });
  const [one] = pages;
  if (!one) return [];
  const ours = median(one.ours.bursts);
  return [
    least('inbound, by the library’s default path', ours / median(one.library.bursts), 2),
    least('inbound, by the library without unread_count', ours / median(one.withoutUnread.bursts), 0.8),
    most('network to committed row at 20 a second, p50', one.ours.paced.p50, 10),
    most('network to committed row at 20 a second, p99', one.ours.paced.p99, 30),
    most('a send, median beyond the bare call’s', one.ours.carried.p50 - one.library.carried.p50, 5),
    least('ingest, by the naive consumer', ingest.ours / ingest.naive, 8),
    least('ingest, by rows in many', ingest.ours / ingest.multiRow, 0.5),
  ];
}

function isMet({ value, aim, atMost }: Aim): boolean {
  return atMost ? value <= aim : value >= aim;
}

function makeBurstTable({ pages }: PipelineRun): Table {
  const rate = (bursts: readonly number[]) => Math.round(median(bursts)).toString();
  const row = (name: string, of: (page: PageFigures) => readonly number[]) => [
    name,
    ...pages.flatMap((page) => [rate(of(page)), (median(of(page)) / median(page.library.bursts)).toFixed(2)]),
  ];
  return [
    ['inbound bursts, messages a second', ...pages.flatMap(({ accounts }) => [headOf(accounts), 'ratio'])],
    row('the library’s README example', ({ library }) => library.bursts),
    row('the library without unread_count', ({ withoutUnread }) => withoutUnread.bursts),
    row('Switchboard, until committed', ({ ours }) => ours.bursts),
  ];
}

function makeLatencyTable({ pages }: PipelineRun): Table {
  const cells = ({ p50, p99 }: Latency) => [p50, p99].map((ms) => ms.toFixed(1));
  const row = (name: string, of: (page: PageFigures) => Latency) => [
    name,
    ...pages.flatMap((page) => cells(of(page))),
  ];
  return [
    ['times, milliseconds', ...pages.flatMap(({ accounts }) => [`p50, ${headOf(accounts)}`, 'p99'])],
    row('in, one by one: the library’s handler', ({ library }) => library.paced),
    row('in, one by one: Switchboard’s committed row', ({ ours }) => ours.paced),
    row('out: a bare call until the network has it', ({ library }) => library.carried),
    row('out: the API until the network has it', ({ ours }) => ours.carried),
    row('out: the API until it answers', ({ ours }) => ours.answered),
  ];
}

function makeIngestTable({ ingest }: PipelineRun): Table {
  const row = (name: string, rate: number) => [
    name,
    Math.round(rate).toString(),
    (rate / ingest.naive).toFixed(2),
    (rate / ingest.multiRow).toFixed(2),
  ];
  return [
    ['through the queue, messages a second', 'rate', 'by naive', 'by rows in many'],
    row('a job a message, an insert a job', ingest.naive),
    row('Switchboard, until committed', ingest.ours),
    row('rows in many, without a queue', ingest.multiRow),
  ];
}

function makeAimTable(aims: readonly Aim[]): Table {
  return [
    ['aim', 'wanted', 'measured', 'met'],
    ...aims.map((aim) => [
      aim.name,
      `${aim.atMost ? '≤' : '≥'} ${aim.aim} ${aim.unit}`,
      `${aim.value.toFixed(2)} ${aim.unit}`,
      isMet(aim) ? 'yes' : 'no',
    ]),
  ];
}

function headOf(accounts: number): string {
  return accounts === 1 ? 'one account' : `${accounts} accounts`;
}
