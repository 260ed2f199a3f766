import { packageOf, type SourceFile } from './source-imports.ts';

/**
 * The layers of src/, lowest first: a file imports from its own room and from rooms of lower layers. Files that are
 * pure (see `findPure`) form a layer of their own, whichever room they lie in, and may import each other. `client` is
 * what applications take along: it imports nothing of the daemon.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['client'],
  ['lib'],
  ['config'],
  ['observability'],
  ['<pure>'],
  ['db', 'vault', 'queue', 'limits', 'embedded'],
  ['instances'],
  ['accounts', 'channels', 'messages', 'webhooks'],
  ['http', 'cli', 'schedule'],
  ['assembly'],
  ['app.ts'],
  ['main.ts'],
];

/** Rooms whose pure parts lower rooms may use: what an account, a channel, a message, a limit IS. */
const ROOMS_WITH_PURE_PARTS = [
  'accounts',
  'channels',
  'messages',
  'limits',
  'webhooks',
  'vault',
  'instances',
];

/** Parts of config that are types or constants alone. */
const PURE_CONFIG = ['config/config.ts', 'config/session-timings.ts'];

/** Which room may import a package; every package that is imported has a line here. */
const ROOM_OF_PACKAGE: Readonly<Record<string, string>> = {
  '@bull-board/api': 'queue',
  '@bull-board/fastify': 'queue',
  '@fastify/helmet': 'http',
  '@fastify/multipart': 'http',
  '@fastify/swagger': 'http',
  '@fastify/swagger-ui': 'http',
  aws4fetch: 'vault',
  bullmq: 'queue',
  commander: 'cli',
  fastify: 'http',
  'fastify-type-provider-zod': 'http',
  'file-type': 'messages',
  ioredis: 'queue',
  jose: 'http',
  kysely: 'db',
  'node-cron': 'schedule',
  'openapi-fetch': 'client',
  pg: 'db',
  'prom-client': 'observability',
  puppeteer: 'channels/whatsapp-web',
  qrcode: 'http',
  'qrcode-terminal': 'cli',
  'socket.io': 'http',
  'socket.io-client': 'cli',
  'socket.io-adapter': 'http',
  tar: 'vault',
  'whatsapp-web.js': 'channels/whatsapp-web',
  winston: 'observability',
  zod: 'http',
};

/** Where a process's own surroundings may be looked at. */
const PROCESS_EDGE = /^(main\.ts$|config\/|cli\/)/;

/** All breaches of the import directions, as sentences; none if all is well. */
export function findBreaches(files: readonly SourceFile[]): readonly string[] {
  const pure = findPure(files);
  const known = new Set(files.map(({ path }) => path));
  return [
    ...files.flatMap((file) => [
      ...findUpwardImports(file, { pure, known }),
      ...findForeignPackages(file),
      ...findProcessUse(file),
      ...findOwnTransactions(file),
    ]),
    ...findCycles(files),
  ];
}

/**
 * Files that import nothing but lib, config's types and numbers, and each other: no package, no builtin of Node. Found by adding
 * files until no more can be added, so a circle of imports is never pure.
 */
export function findPure(files: readonly SourceFile[]): ReadonlySet<string> {
  const pure = new Set<string>();
  const isLow = (target: string | null) =>
    target !== null && (pure.has(target) || roomOf(target) === 'lib' || PURE_CONFIG.includes(target));
  const candidates = files.filter(({ path }) => ROOMS_WITH_PURE_PARTS.includes(roomOf(path)));
  for (let size = -1; size !== pure.size; ) {
    size = pure.size;
    for (const { path, imports } of candidates) {
      if (imports.every(({ target }) => isLow(target))) pure.add(path);
    }
  }
  return pure;
}

function findUpwardImports(
  { path, imports }: SourceFile,
  { pure, known }: { readonly pure: ReadonlySet<string>; readonly known: ReadonlySet<string> },
): readonly string[] {
  const own = layerOf(path, pure);
  if (own === -1) return [`${path} lies in a room that has no layer`];
  return imports.flatMap(({ specifier, target }) => {
    if (target === null) return [];
    if (!known.has(target)) return [`${path} imports ${specifier}, which is no file of src/`];
    const isBeside = roomOf(target) === roomOf(path) || (pure.has(path) && pure.has(target));
    const isDownward = isBeside || layerOf(target, pure) < own;
    return isDownward ? [] : [`${path} imports ${target}, which does not lie below it`];
  });
}

function findForeignPackages({ path, imports }: SourceFile): readonly string[] {
  return imports.flatMap(({ specifier, target }) => {
    if (target !== null || specifier.startsWith('node:')) return [];
    const name = packageOf(specifier);
    const room = ROOM_OF_PACKAGE[name];
    if (room === undefined) return [`${path} imports ${name}, which no room owns`];
    return path.startsWith(`${room}/`) ? [] : [`${path} imports ${name}, which belongs to ${room}/`];
  });
}

function findProcessUse({ path, code }: SourceFile): readonly string[] {
  if (PROCESS_EDGE.test(path)) return [];
  const uses = code.match(/\bprocess\.(env|argv|exit|exitCode|on|once)\b/g) ?? [];
  return [...new Set(uses)].map((use) => `${path} uses ${use}`);
}

/** Those of Kysely are begun in one place, which knows when one is to be done again and who is told of it. */
function findOwnTransactions({ path, code }: SourceFile): readonly string[] {
  if (path === 'db/transaction.ts') return [];
  const begun = /\.\s*(?:transaction|startTransaction)\b/.test(code);
  return begun ? [`${path} begins a transaction, which db/transaction.ts does`] : [];
}

/** Each circle once, as the path around it. */
function findCycles(files: readonly SourceFile[]): readonly string[] {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) {
      found.push(`A circle of imports: ${[...above.slice(above.indexOf(path)), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const { target } of importsOf.get(path) ?? []) {
      if (target !== null) visit(target, [...above, path]);
    }
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return found;
}

function layerOf(path: string, pure: ReadonlySet<string>): number {
  const room = pure.has(path) ? '<pure>' : roomOf(path);
  return LAYERS.findIndex((rooms) => rooms.includes(room));
}

/** The first folder below src/, or the file's own name at its root. */
function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}
