/**
 * `npm run bench [name] [-- options]`: runs a benchmark, prints its tables and writes its figures to
 * bench/results/<name>.json. Without a name, or with --help, it says which there are.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { toError } from '../src/lib/errors.ts';
import { apiBenchmark } from './api/api-benchmark.ts';
import type { Benchmark, Measured } from './benchmark.ts';
import { bootBenchmark } from './boot/boot-benchmark.ts';
import { tableToText } from './figures.ts';
import { fleetBenchmark } from './fleet/fleet-benchmark.ts';
import { pipelineBenchmark } from './pipeline/pipeline-benchmark.ts';
import { sessionsBenchmark } from './sessions/sessions-benchmark.ts';
import { vaultBenchmark } from './vault/vault-benchmark.ts';

const BENCHMARKS: readonly Benchmark[] = [
  apiBenchmark,
  bootBenchmark,
  fleetBenchmark,
  pipelineBenchmark,
  sessionsBenchmark,
  vaultBenchmark,
];

const RESULTS = join(import.meta.dirname, 'results');

interface Wish {
  readonly benchmark: Benchmark;
  readonly values: Readonly<Record<string, string>>;
  readonly results: string;
}

function describeAll(): string {
  const options = ({ options }: Benchmark) =>
    Object.entries(options).map(
      ([name, { default: value, isFlag, text }]) =>
        `      --${name}  ${text}${isFlag ? '' : ` (${value || 'none'})`}`,
    );
  const lines = BENCHMARKS.flatMap((each) => [`  ${each.name}: ${each.summary}`, ...options(each)]);
  return `npm run bench <name> -- <options> runs a benchmark, prints a table and writes bench/results/<name>.json
(--results <folder> writes it elsewhere). The figures are those of this machine at this moment; the ratios say more.

${lines.join('\n')}
`;
}

/** Undefined if help is asked for, also by naming nothing. */
function parseWish(args: readonly string[]): Wish | undefined {
  const [name] = args;
  if (name === undefined || args.includes('--help') || args.includes('-h')) return undefined;
  const benchmark = BENCHMARKS.find((each) => each.name === name);
  if (benchmark === undefined) {
    const names = BENCHMARKS.map((each) => each.name).join(', ');
    throw new Error(`There is no benchmark ${name}. There is: ${names}.`);
  }
  const own = Object.entries(benchmark.options).map(
    ([option, { default: value, isFlag }]) =>
      [option, isFlag ? { type: 'boolean' } : { type: 'string', default: value }] as const,
  );
  const options = { ...Object.fromEntries(own), results: { type: 'string', default: RESULTS } } as const;
  const { results, ...values } = parseArgs({ args: args.slice(1), options }).values;
  const texts = Object.entries(values).map(([option, value]) => [option, value === true ? 'yes' : value]);
  return { benchmark, values: Object.fromEntries(texts) as Record<string, string>, results };
}

function show({ title, tables, notes }: Measured): void {
  const parts = [title, ...tables.map(tableToText), notes.join('\n')].filter((part) => part !== '');
  process.stdout.write(`\n${parts.join('\n\n')}\n`);
}

async function save({ benchmark, results }: Wish, { figures }: Measured): Promise<string> {
  const machine = {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
  };
  const record = { benchmark: benchmark.name, measuredAt: new Date().toISOString(), machine, ...figures };
  const path = join(results, `${benchmark.name}.json`);
  await mkdir(results, { recursive: true });
  await writeFile(path, `${JSON.stringify(record, null, 2)}\n`);
  return path;
}

async function main(): Promise<number> {
  const stop = new AbortController();
  const { signal } = stop;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  try {
    const wish = parseWish(process.argv.slice(2));
    if (wish === undefined) {
      process.stdout.write(describeAll());
      return 0;
    }
    // Progress is no result: whoever keeps stdout keeps the tables alone.
    const say = (progress: string) => void process.stderr.write(`${progress}\n`);
    const measured = await wish.benchmark.run(wish.values, { signal, say });
    show(measured);
    const path = relative(process.cwd(), await save(wish, measured));
    process.stdout.write(`\nWritten to ${path}.\n`);
    return 0;
  } catch (thrown) {
    process.stderr.write(`${signal.aborted ? 'Stopped.' : toError(thrown).message}\n`);
    return 1;
  }
}

process.exitCode = await main();
