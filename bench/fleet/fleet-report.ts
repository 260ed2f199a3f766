import type { Measured, Table } from '../benchmark.ts';
import type { FleetFigures } from './fleet-run.ts';
import type { FleetSettings } from './fleet-settings.ts';

/** What an account at the largest number may cost, by what it costs at a smaller one. */
export const AIM = 1.2;

/** A cost that should be the same for each account, however many there are. */
interface Cost {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  /** Of all accounts together, or of one request. */
  readonly of: (figures: FleetFigures) => number | null;
  /** `request` costs the same whatever the accounts; the others are shared by them. */
  readonly per: 'account' | 'request';
}

const perMinute = (value: number, seconds: number) => (value * 60) / seconds;

const COSTS: readonly Cost[] = [
  { name: 'boot, processor', unit: 'ms', digits: 1, per: 'account', of: ({ boot }) => boot.cpuMs },
  { name: 'boot, statements', unit: '', digits: 1, per: 'account', of: ({ boot }) => boot.statements },
  {
    name: 'boot, commands to Redis',
    unit: '',
    digits: 1,
    per: 'account',
    of: ({ boot }) => boot.redisCommands,
  },
  { name: 'boot, time', unit: 'ms', digits: 0, per: 'account', of: ({ boot }) => boot.seconds * 1_000 },
  {
    name: 'idle, processor a minute',
    unit: 'ms',
    digits: 2,
    per: 'account',
    of: ({ idle }) => perMinute(idle.cpuMs, idle.seconds),
  },
  {
    name: 'idle, statements a minute',
    unit: '',
    digits: 2,
    per: 'account',
    of: ({ idle }) => perMinute(idle.statements, idle.seconds),
  },
  {
    name: 'idle, commands to Redis a minute',
    unit: '',
    digits: 2,
    per: 'account',
    of: ({ idle }) => perMinute(idle.redisCommands, idle.seconds),
  },
  {
    name: 'leases, answered by PostgreSQL a minute',
    unit: 'ms',
    digits: 2,
    per: 'account',
    of: ({ idle }) => perMinute(leaseMs(idle), idle.seconds),
  },
  { name: 'stop, processor', unit: 'ms', digits: 1, per: 'account', of: ({ stop }) => stop.cpuMs },
  { name: 'memory, heap', unit: 'kB', digits: 0, per: 'account', of: ({ held }) => held.heapBytes / 1e3 },
  {
    name: 'memory, process',
    unit: 'kB',
    digits: 0,
    per: 'account',
    of: ({ held }) => held.residentBytes / 1e3,
  },
  { name: 'timers', unit: '', digits: 2, per: 'account', of: ({ held }) => held.timers },
  {
    name: 'list of 10 accounts, processor',
    unit: 'ms',
    digits: 2,
    per: 'request',
    of: ({ list }) => list?.cpuMs ?? null,
  },
  {
    name: 'health of one, processor',
    unit: 'ms',
    digits: 2,
    per: 'request',
    of: ({ health }) => health?.cpuMs ?? null,
  },
  {
    name: 'send of one, processor',
    unit: 'ms',
    digits: 2,
    per: 'request',
    of: ({ send }) => send?.cpuMs ?? null,
  },
  {
    name: 'list of 10 accounts, answer',
    unit: 'ms',
    digits: 2,
    per: 'request',
    of: ({ list }) => list?.answeredMs ?? null,
  },
  {
    name: 'health of one, answer',
    unit: 'ms',
    digits: 2,
    per: 'request',
    of: ({ health }) => health?.answeredMs ?? null,
  },
  {
    name: 'send of one, answer',
    unit: 'ms',
    digits: 2,
    per: 'request',
    of: ({ send }) => send?.answeredMs ?? null,
  },
];

/** What must not grow with the number of accounts at all. */
const BOUNDED = [
  { name: 'connections to PostgreSQL', of: ({ held }: FleetFigures) => held.databaseConnections },
  { name: 'connections to Redis', of: ({ held }: FleetFigures) => held.redisClients },
  { name: 'of these, in a blocking command', of: ({ held }: FleetFigures) => held.redisBlocked },
  { name: 'open files of the process', of: ({ held }: FleetFigures) => held.openFiles },
] as const;

/** Statements of leases, by what they name. */
function leaseMs({ byText }: FleetFigures['idle']): number {
  return Object.entries(byText)
    .filter(([text]) => /\binstances\b|lease_run|lease_epoch/.test(text))
    .reduce((sum, [, { ms }]) => sum + ms, 0);
}

interface CostRow {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  /** Each at its number of accounts. */
  readonly each: readonly number[];
  /** The last by each before it. */
  readonly ratios: readonly number[];
}

/** The cost of one account at each number, what a daemon without accounts costs taken off. */
function toRow({ of, per, ...cost }: Cost, none: FleetFigures, all: readonly FleetFigures[]): CostRow {
  const base = of(none) ?? 0;
  const each = all.map((figures) => {
    const value = of(figures) ?? Number.NaN;
    return per === 'request' ? value : (value - base) / figures.accounts;
  });
  const last = each.at(-1) ?? Number.NaN;
  return { ...cost, each, ratios: each.slice(0, -1).map((value) => last / value) };
}

/** Tables and figures of a run: `none` is what a daemon without accounts takes. */
export function reportFleet(
  settings: FleetSettings,
  none: FleetFigures,
  all: readonly FleetFigures[],
): Measured {
  const rows = COSTS.map((cost) => toRow(cost, none, all));
  const last = all.at(-1)?.accounts ?? 0;
  const smaller = all.slice(0, -1).map(({ accounts }) => accounts);
  const costs: Table = [
    [
      'an account',
      ...all.map(({ accounts }) => `at ${accounts}`),
      ...smaller.map((size) => `${last} by ${size}`),
    ],
    ...rows.map(({ name, unit, digits, each, ratios }) => [
      name,
      ...each.map((value) => `${value.toFixed(digits)} ${unit}`.trim()),
      ...ratios.map((ratio) => `${ratio.toFixed(2)} ×${ratio > AIM ? ', missed' : ''}`),
    ]),
  ];
  const wholes: Table = [
    ['the daemon', ...[none, ...all].map(({ accounts }) => `with ${accounts}`)],
    ...BOUNDED.map(({ name, of }) => [name, ...[none, ...all].map((figures) => String(of(figures)))]),
    ['boot', ...[none, ...all].map(({ boot }) => `${boot.seconds.toFixed(1)} s`)],
    ['stop', ...[none, ...all].map(({ stop }) => `${stop.seconds.toFixed(1)} s`)],
    ['resident memory', ...[none, ...all].map(({ held }) => `${(held.residentBytes / 1e6).toFixed(0)} MB`)],
  ];
  return {
    title: `Accounts on clients without a browser; ${settings.seconds} s of idleness, ${settings.requests} requests of each kind.`,
    tables: [costs, wholes],
    notes: [
      'What a daemon without accounts takes is taken off: at few accounts little is left, and its ratio is rough. Requests are',
      `not shared by accounts. The aim is ${AIM} × at most. Processor time holds on a busy machine, waiting times do not.`,
    ],
    figures: { settings, aim: AIM, costs: rows.map(({ digits: _, ...row }) => row), runs: [none, ...all] },
  };
}
