import { percentToText } from '../lib/percent-text.ts';
import type { HttpApp } from './typed-fastify.ts';

/** The methods that addresses know: those of every route whose template fits, in the order of the alphabet. */
export type KnownMethods = (url: string) => readonly string[];

/**
 * Keeps what the routes are, for requests that none of them takes: an address that knows other methods is no address without
 * a route. Call it before any route is added.
 */
export function keepMethods(app: Pick<HttpApp, 'addHook'>): KnownMethods {
  const routes: { readonly template: readonly string[]; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ template: toSegments(url), methods: [method].flat() });
  });
  return (url) => {
    const path = toSegments(url);
    const methods = routes.filter(({ template }) => fits(path, template)).flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  };
}

/** Decoded, as the router has them. */
function toSegments(url: string): readonly string[] {
  return (url.split(/[?#]/, 1)[0] ?? '').split('/').map(percentToText);
}

/** A parameter takes any one segment, as the router has it, a star all that is left. */
function fits(path: readonly string[], template: readonly string[]): boolean {
  const isOpen = template.at(-1) === '*';
  const fixed = isOpen ? template.slice(0, -1) : template;
  if (isOpen ? path.length < template.length : path.length !== template.length) return false;
  return fixed.every((each, nth) => each.startsWith(':') || each === path[nth]);
}
