import { makeHttpApp } from '../src/http/http-app.ts';

/** The parts of an OpenAPI document that are looked at here; it has more. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

export interface OpenApiOperation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

/**
 * The OpenAPI document that the daemon serves. It is made of the schemas of the routes alone: no database, no queue
 * and no port are needed.
 */
export async function makeOpenApiDocument(): Promise<OpenApiDocument> {
  const app = await makeHttpApp(registeringDeps(), standIn as never);
  try {
    return app.swagger() as unknown as OpenApiDocument;
  } finally {
    await app.close();
  }
}

/** Answers every look and every call with itself: where routes are only registered, nothing depends on an answer. */
const standIn: unknown = new Proxy(() => undefined, {
  get: (_target, name) => (name === 'then' ? undefined : standIn),
  apply: () => standIn,
});

function registeringDeps(): Parameters<typeof makeHttpApp>[0] {
  const real = {
    config: { host: '127.0.0.1', port: 0, apiRateLimit: 0, allowedOrigins: [] },
    board: { setBasePath: () => undefined, plugin: () => async () => undefined },
  };
  return new Proxy(real, { get: (own, name) => Reflect.get(own, name) ?? standIn }) as never;
}
