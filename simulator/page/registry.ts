import { findPageFault, takePageFault } from './dialect.ts';

const modules = new Map<string, unknown>();
/** Defined, but not registered yet. */
const late = new Set<string>();
const asked = new Map<string, number>();
const missing = new Set<string>();
let report: (name: string) => void = () => undefined;

/** Gives the page's modules the names by which the library asks for them. */
export function defineModules(definitions: Record<string, unknown>): void {
  for (const [name, exported] of Object.entries(definitions)) modules.set(name, exported);
}

/**
 * Takes all modules back, and registers them again one after another, in the order in which they were defined, until `ms`
 * are over. In the first quarter of the time there is not even anything to ask for one. Resolves when all of the first
 * `count` are there.
 */
export async function registerOneByOne(ms: number, count: number): Promise<void> {
  for (const name of modules.keys()) late.add(name);
  const names = [...late];
  const due = (at: number) => (ms / 4) * (1 + (3 * (at + 1)) / names.length);
  setTimeout(() => Object.assign(window, { require: requireModule }), ms / 4);
  for (const [at, name] of names.entries()) setTimeout(() => late.delete(name), due(at));
  await new Promise((resolve) => setTimeout(resolve, due(count - 1)));
}

/** Takes modules back, as if they were not registered yet, until what it returns is called. */
export function takeBack(names: readonly string[]): () => void {
  for (const name of names) late.add(name);
  return () => {
    for (const name of names) late.delete(name);
  };
}

export function countModules(): number {
  return modules.size;
}

/** Names asked for before the socket was there are told once it is. */
export function reportMissing(to: (name: string) => void): void {
  report = to;
  for (const name of missing) report(name);
}

/** What the library calls as `window.require`. A module that is not here answers with a stand-in and is reported. */
export function requireModule(name: string): unknown {
  if (late.has(name)) throw new Error(`Requiring unknown module "${name}"`);
  reloadOn(name);
  const found = modules.get(name);
  if (found !== undefined) return found;
  if (!missing.has(name)) {
    missing.add(name);
    report(name);
  }
  return standIn();
}

function reloadOn(name: string): void {
  const before = asked.get(name) ?? 0;
  asked.set(name, before + 1);
  if (before < (findPageFault('reload-on-require', name)?.after ?? 0)) return;
  const fault = takePageFault('reload-on-require', name);
  if (fault) setTimeout(() => location.reload(), fault.delayMs);
}

/** Anything read from it is a function, and every call answers undefined. */
function standIn(): unknown {
  return new Proxy(() => undefined, {
    get: (_target, property) => (property === 'then' || typeof property === 'symbol' ? undefined : standIn()),
    apply: () => undefined,
    construct: () => ({}),
  });
}
