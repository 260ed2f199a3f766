import type { IncomingHttpHeaders } from 'node:http';
import { AppError, type FieldProblem } from '../lib/errors.ts';
import { noBody } from './envelope.ts';
import type { HttpApp } from './typed-fastify.ts';
import { issuesToError, refuseField } from './validation.ts';

/** Fields that reach the prototype of what is made of them; `constructor` does through its `prototype`. */
const POISON = ['__proto__', 'constructor'] as const;

/** How many such fields are named; a body could hold a hundred thousand. */
const MAX_NAMED = 10;
/** How deep objects and arrays may lie within one another: far deeper than any body of ours, far less than the stack. */
const MAX_NESTING = 64;
/** Of how many names a field is made up at most. */
const MAX_DEPTH = 16;

/**
 * Takes JSON bodies and no others. An empty one is none: clients may always name a Content-Type. One with a field that
 * reaches a prototype is refused, with the field's name; and one that is nested so deep that what looks at it could run out
 * of stack. A DELETE takes none, unless its route says so.
 */
export function takeJsonBodies(app: HttpApp): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body);
    const strange = findStrangeness(request.headers);
    if (strange !== undefined) {
      done(strange);
      return;
    }
    if (text === '') {
      done(null, undefined);
      return;
    }
    parse(request, text, (thrown, value) => {
      if (thrown === null && isTooDeep(value)) done(refuseDepth());
      else if (thrown === null) done(null, value);
      else done(findPoison(text) ?? thrown);
    });
  });
  app.addHook('preValidation', async ({ method, body, routeOptions }) => {
    if (method !== 'DELETE' || routeOptions.schema?.body !== undefined) return;
    const { error } = noBody.safeParse(body);
    if (error !== undefined) throw issuesToError(error.issues, 'body');
  });
}

/** What is read as plain UTF-8 must be that; undefined if it is. */
function findStrangeness(headers: IncomingHttpHeaders): AppError | undefined {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  const encoding = headers['content-encoding'] ?? 'identity';
  if (/^utf-?8$/i.test(charset) && encoding.toLowerCase() === 'identity') return undefined;
  return new AppError('UNSUPPORTED_MEDIA', { message: 'Send JSON as UTF-8, without a Content-Encoding.' });
}

/** Looks at a level after the other, and not recursively. */
function isTooDeep(root: unknown): boolean {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    const below: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (depth === MAX_NESTING) return true;
      for (const each of Object.values(value)) if (typeof each === 'object') below.push(each);
    }
    level = below;
  }
  return false;
}

function refuseDepth(): AppError {
  return refuseField('body', `Its objects and arrays are nested more than ${MAX_NESTING} deep.`);
}

/** What is wrong with a body that the parser refused, if it is JSON; undefined if it is none. */
function findPoison(text: string): AppError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
  const problems = listPoison(value);
  return problems.length === 0 ? undefined : new AppError('VALIDATION_FAILED', { details: problems });
}

/** A value within the body, and where it is; a link up, since paths of their own would take the square of the depth. */
interface Place {
  readonly value: unknown;
  readonly name: string;
  readonly above: Place | undefined;
}

function listPoison(root: unknown): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  // Not recursive: a body can be nested deeper than the stack.
  const open: Place[] = [{ value: root, name: '', above: undefined }];
  for (let at = open.pop(); at !== undefined && problems.length < MAX_NAMED; at = open.pop()) {
    if (typeof at.value !== 'object' || at.value === null) continue;
    for (const [name, value] of Object.entries(at.value)) {
      const place = { value, name, above: at };
      if (!POISON.some((each) => each === name)) open.push(place);
      else problems.push({ field: placeToField(place), message: 'This field is not allowed.' });
    }
  }
  return problems;
}

/** The dotted name; of what lies deeper than any field of ours, the end of it. */
function placeToField(place: Place): string {
  const names: string[] = [];
  for (let at: Place | undefined = place; at?.above !== undefined; at = at.above) {
    if (names.length === MAX_DEPTH) return ['…', ...names].join('.');
    names.unshift(at.name);
  }
  return names.join('.');
}
