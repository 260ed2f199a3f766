import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import type { HttpApp } from './typed-fastify.ts';

/** Answers of the API are data: a browser that is led to one shows nothing of it, runs nothing and frames nothing. */
const DATA_POLICY = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] };

/** The pages that we serve load what is ours alone. Their inline styles are the bundles' own. */
const PAGE_POLICY = {
  'default-src': ["'none'"],
  'base-uri': ["'self'"],
  'connect-src': ["'self'"],
  'font-src': ["'self'", 'data:'],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
  'img-src': ["'self'", 'data:'],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
};

/** The `config` of a route whose answer is a page, or a part of one. */
export const PAGE_HELMET = {
  helmet: { contentSecurityPolicy: { useDefaults: false, directives: PAGE_POLICY } },
} as const satisfies { readonly helmet: FastifyHelmetOptions };

/**
 * Sends with every answer the headers that keep browsers from what was not meant. TLS is whoever's stands before us, who also
 * says whether it is here to stay (Strict-Transport-Security).
 */
export async function registerSecurityHeaders(app: HttpApp): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: DATA_POLICY },
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  });
}
