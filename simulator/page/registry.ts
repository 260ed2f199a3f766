import { takePageFault } from './dialect.ts';

const modules = new Map<string, unknown>();
const missing = new Set<string>();
let report: (name: string) => void = () => undefined;

/** Gives the page's modules the names by which the library asks for them. */
export function defineModules(definitions: Record<string, unknown>): void {
  for (const [name, exported] of Object.entries(definitions)) modules.set(name, exported);
}

/** Names asked for before the socket was there are told once it is. */
export function reportMissing(to: (name: string) => void): void {
  report = to;
  for (const name of missing) report(name);
}

/** What the library calls as `window.require`. A module that is not here answers with a stand-in and is reported. */
export function requireModule(name: string): unknown {
  const fault = takePageFault('reload-on-require', name);
  if (fault) setTimeout(() => location.reload(), fault.delayMs);
  const found = modules.get(name);
  if (found !== undefined) return found;
  if (!missing.has(name)) {
    missing.add(name);
    report(name);
  }
  return standIn();
}

/** Anything read from it is a function, and every call answers undefined. */
function standIn(): unknown {
  return new Proxy(() => undefined, {
    get: (_target, property) => (property === 'then' || typeof property === 'symbol' ? undefined : standIn()),
    apply: () => undefined,
    construct: () => ({}),
  });
}
