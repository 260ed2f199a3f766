import type { Measured, Table } from '../benchmark.ts';
import { bytesToText, median, timesToText } from '../figures.ts';
import type { Restored } from './contender.ts';
import { KINDS, type Kind } from './process-tree.ts';
import type { SessionsSettings, Weight } from './sessions-settings.ts';

/** From CONNECTED to the sync of a page: the bare library misses an earlier one on a busy machine. */
export const SYNC_MS = 3_000;

/** What the processes of all sessions have in memory at one moment. */
export interface Memory {
  readonly processes: Readonly<Record<Kind, number>>;
  readonly bytes: Readonly<Record<Kind, number>>;
  /** Of the files of the opened profiles. */
  readonly fileBytes: number;
}

export interface States {
  readonly atRest: Memory;
  readonly afterMessages: Memory;
  /** Parts of one processor. */
  readonly idleCpu: Readonly<Record<Kind, number>>;
  readonly busyCpu: Readonly<Record<Kind, number>>;
  readonly heapBytes: number;
}

export interface ContenderFigures extends States {
  readonly name: string;
  readonly qrMs: readonly number[];
  readonly restored: readonly Restored[];
}

export interface WeightRun {
  readonly weight: Weight;
  readonly library: ContenderFigures;
  readonly ours: ContenderFigures;
}

export interface SessionsRun {
  readonly settings: SessionsSettings;
  readonly runs: readonly WeightRun[];
  /** The library ran in a whole browser, as its users have it. */
  readonly isWhole: boolean;
}

interface Line {
  readonly name: string;
  readonly of: (figures: ContenderFigures) => number;
  readonly text: (value: number) => string;
  /** At most so many times the library's, on the light page and on a heavy one. */
  readonly aims?: readonly [light: number, heavy: number];
}

/** What a daemon keeps for its messages, which the library does not keep, is shown and not counted. */
const COUNTED = KINDS.filter((kind) => kind !== 'stores');
const BROWSER = COUNTED.filter((kind) => kind !== 'node');

const sum = (of: Readonly<Record<Kind, number>>, kinds: readonly Kind[]) =>
  kinds.reduce((total, kind) => total + of[kind], 0);
const totalOf = ({ bytes, fileBytes }: Memory) => sum(bytes, COUNTED) + fileBytes;
const percent = (part: number) => `${(part * 100).toFixed(2)} %`;

/** What sessions take, and with it the process that keeps them, whatever their number. */
const BROWSERS = 'memory at rest, browsers with their files';
const IN_ALL = 'memory at rest, with Node';

const LINES: readonly Line[] = [
  ...BROWSER.map((kind) => ({
    name: `memory, ${kind}`,
    of: ({ atRest }: ContenderFigures) => atRest.bytes[kind],
    text: bytesToText,
  })),
  { name: 'memory, files of profiles', of: ({ atRest }) => atRest.fileBytes, text: bytesToText },
  { name: 'memory, Node', of: ({ atRest }) => atRest.bytes.node, text: bytesToText },
  {
    name: BROWSERS,
    of: ({ atRest }) => sum(atRest.bytes, BROWSER) + atRest.fileBytes,
    text: bytesToText,
    aims: [0.4, 0.55],
  },
  {
    name: IN_ALL,
    of: ({ atRest }) => totalOf(atRest),
    text: bytesToText,
    aims: [0.4, 0.55],
  },
  {
    name: 'memory after messages, with Node',
    of: ({ afterMessages }) => totalOf(afterMessages),
    text: bytesToText,
  },
  { name: 'memory, PostgreSQL and Redis', of: ({ atRest }) => atRest.bytes.stores, text: bytesToText },
  { name: 'Node heap', of: ({ heapBytes }) => heapBytes, text: bytesToText },
  {
    name: 'processor at rest, browsers',
    of: ({ idleCpu }) => sum(idleCpu, BROWSER),
    text: percent,
    aims: [0.5, 0.5],
  },
  {
    name: 'processor at rest, with Node',
    of: ({ idleCpu }) => sum(idleCpu, COUNTED),
    text: percent,
    aims: [0.5, 0.5],
  },
  { name: 'processor at rest, PostgreSQL and Redis', of: ({ idleCpu }) => idleCpu.stores, text: percent },
  {
    name: 'processor at a message a second, browsers',
    of: ({ busyCpu }) => sum(busyCpu, BROWSER),
    text: percent,
  },
  {
    name: 'processor at a message a second, with Node',
    of: ({ busyCpu }) => sum(busyCpu, COUNTED),
    text: percent,
  },
  {
    name: 'launch to QR',
    of: ({ qrMs }) => median(qrMs),
    text: (ms) => timesToText([ms]),
    aims: [0.75, 0.75],
  },
  {
    name: 'launch to ready, restored',
    of: ({ restored }) => median(restored.map(({ readyMs }) => readyMs)) - SYNC_MS,
    text: (ms) => timesToText([ms]),
    aims: [1, 1],
  },
  {
    name: 'profile on the disk',
    of: ({ restored }) => median(restored.map(({ storedBytes }) => storedBytes)),
    text: bytesToText,
    aims: [0.3, 0.3],
  },
];

export function report({ settings, runs, isWhole }: SessionsRun): Measured {
  const compared = runs.map((run) => ({ run, lines: compareLines(run) }));
  const ratioOf = (wanted: string, isLight: boolean) =>
    compared.find(({ run }) => isLightPage(run.weight) === isLight)?.lines.find(({ name }) => name === wanted)
      ?.ratio ?? null;
  const title = `${settings.sessions} linked sessions of each, after ${settings.settle} s of rest.`;
  const why = 'the library runs in a headless shell, since there is no whole browser as its users have it';
  return {
    title: isWhole ? title : `VOID: ${why}.\n${title}`,
    tables: compared.flatMap(({ run, lines }) => [makeTable(run.weight, lines), makeProcessTable(run)]),
    notes: NOTES,
    figures: {
      settings,
      valid: isWhole,
      voidBecause: isWhole ? [] : [why],
      memoryRatio: ratioOf(BROWSERS, true) ?? ratioOf(BROWSERS, false),
      memoryRatioHeavy: ratioOf(BROWSERS, false),
      memoryRatioWithNode: ratioOf(IN_ALL, true) ?? ratioOf(IN_ALL, false),
      memoryRatioHeavyWithNode: ratioOf(IN_ALL, false),
      pages: compared.map(({ run, lines }) => ({ ...run, lines })),
    },
  };
}

const NOTES = [
  'Memory is that of all processes, each shared page counted in parts (PSS), and of the files of the opened profiles: all',
  'of them where they lie in memory, else what of them is in the page cache. Processor: parts of one. PostgreSQL and',
  `Redis, which keep messages as the library does not, are counted nowhere else. Ready is less the page’s ${SYNC_MS / 1000} s of sync.`,
  'The page is the simulator’s: what WhatsApp’s own page weighs was not measured.',
];

function isLightPage({ heapMb, nodes, storageMb }: Weight): boolean {
  return heapMb + nodes + storageMb === 0;
}

function compareLines({ weight, library, ours }: WeightRun) {
  return LINES.map(({ name, of, text, aims }) => {
    const [theirs, own] = [of(library), of(ours)];
    const ratio = theirs > 0 ? own / theirs : null;
    const aim = aims?.[isLightPage(weight) ? 0 : 1];
    const isMet = aim === undefined || ratio === null ? undefined : ratio <= aim;
    return { name, library: theirs, switchboard: own, ratio, aim, isMet, text };
  });
}

function makeTable(weight: Weight, lines: ReturnType<typeof compareLines>): Table {
  return [
    [describePage(weight), 'the library', 'Switchboard', 'ratio', 'aim'],
    ...lines.map(({ name, library, switchboard, ratio, aim, isMet, text }) => [
      name,
      text(library),
      text(switchboard),
      ratio === null ? '' : `${ratio.toFixed(2)} ×`,
      aim === undefined ? '' : `≤ ${aim}${isMet ? '' : ', missed'}`,
    ]),
  ];
}

function makeProcessTable({ library, ours }: WeightRun): Table {
  const row = ({ name, atRest }: ContenderFigures) => [
    name,
    ...KINDS.map((kind) => `${atRest.processes[kind]}`),
  ];
  return [['processes', ...KINDS], row(library), row(ours)];
}

function describePage(weight: Weight): string {
  const { heapMb, nodes, storageMb } = weight;
  if (isLightPage(weight)) return 'a light page';
  return `a page with ${heapMb} MB of objects, ${nodes} elements, ${storageMb} MB stored`;
}
