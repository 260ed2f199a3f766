import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  containStray,
  judgeStray,
  runInSession,
} from '../../../../src/channels/whatsapp-web/session-scope.ts';
import { toError } from '../../../../src/lib/errors.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

function withStack(message: string, stack: string): Error {
  return Object.assign(new Error(message), { stack: `Error: ${message}\n    at ${stack}` });
}

const OURS = withStack('x is not a function', 'ingest (file:///app/src/messages/ingest.ts:1:1)');
const DRIVER = withStack(
  'Protocol error (Page.enable): Internal error',
  'send (file:///app/node_modules/puppeteer-core/lib/esm/puppeteer/cdp/Connection.js:1:1)',
);
const LIBRARY = withStack(
  'Cannot read properties of null',
  'Client.inject (/app/node_modules/whatsapp-web.js/src/Client.js:1:1)',
);

describe('an error that nobody caught', () => {
  it.each([
    ['of our own code in a session', OURS, true, 'recycle'],
    ['of the driver in a session', DRIVER, true, 'recycle'],
    ['of the library in a session', LIBRARY, true, 'recycle'],
    ["the library's string in a session", 'auth timeout', true, 'recycle'],
    ['a page that has navigated', new Error('Execution context was destroyed.'), true, 'note'],
    ['a page that is gone', new Error('Protocol error (Runtime.evaluate): Target closed'), true, 'note'],
    ['a frame that is gone', new Error('Attempted to use detached Frame "A".'), true, 'note'],
    ['of the driver outside', DRIVER, false, 'note'],
    ['of the library outside', LIBRARY, false, 'note'],
    ["the library's string outside", 'ready timeout', false, 'note'],
    ['of our own code outside', OURS, false, 'end'],
    [
      'of our own code outside that speaks of a page',
      withStack('Target closed', 'x (/app/src/a.ts:1:1)'),
      false,
      'end',
    ],
    ['another string outside', 'what?', false, 'end'],
    ['null outside', null, false, 'end'],
    ['undefined in a session', undefined, true, 'recycle'],
  ])('%s', (_title, thrown, inSession, verdict) => {
    expect(judgeStray(toError(thrown), { inSession })).toBe(verdict);
  });
});

describe('a scope', () => {
  let log: RecordingLogger;
  let strays: { of: string; message: string }[];

  beforeEach(() => {
    log = new RecordingLogger();
    strays = [];
  });

  const scope = (of: string) => ({ log, onStray: ({ message }: Error) => strays.push({ of, message }) });

  it('brings an error back to its session, however late, and to no other', async () => {
    const late = (of: string, message: string) =>
      runInSession(scope(of), async () => {
        await nextTurn();
        return containStray(new Error(message), undefined);
      });
    expect(await Promise.all([late('a', 'first'), late('b', 'second')])).toEqual([true, true]);
    expect(strays).toEqual([
      { of: 'a', message: 'first' },
      { of: 'b', message: 'second' },
    ]);
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { error: 'first', recycled: true } },
      { level: 'warn', fields: { error: 'second', recycled: true } },
    ]);
  });

  it('leaves its session alone when only a document has gone', () => {
    const gone = new Error('Execution context was destroyed, most likely because of a navigation.');
    expect(runInSession(scope('a'), () => containStray(gone, undefined))).toBe(true);
    expect(strays).toEqual([]);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { recycled: false } }]);
  });

  it('does not hold what belongs to no session', () => {
    runInSession(scope('a'), () => undefined);
    expect(containStray(OURS, log)).toBe(false);
    expect(containStray(OURS, undefined)).toBe(false);
    expect(containStray(DRIVER, undefined)).toBe(true);
    expect(strays).toEqual([]);
    expect(log.lines).toEqual([]);
    expect(containStray(DRIVER, log)).toBe(true);
    expect(log.lines).toHaveLength(1);
  });

  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const hostile = Object.defineProperty(new Error(), 'message', {
    get() {
      throw new Error('not to be looked at');
    },
  });

  it.each([
    ['a string', 'auth timeout', 'auth timeout'],
    ['an empty string', '', ''],
    ['null', null, 'A non-error was thrown: null'],
    ['undefined', undefined, 'A non-error was thrown: undefined'],
    ['a symbol', Symbol('odd'), /Symbol\(odd\)$/],
    ['an object without a prototype', Object.create(null), /^A non-error was thrown/],
    ['an error whose message is no text', Object.assign(new Error(), { message: Symbol('m') }), /non-error/],
    ['an error that cannot be read', hostile, 'Something was thrown that cannot be looked at.'],
    ['a revoked proxy', revoked, /thrown/],
  ])('takes %s', (_title, thrown, message) => {
    expect(runInSession(scope('a'), () => containStray(thrown, undefined))).toBe(true);
    expect(strays).toEqual([{ of: 'a', message: expect.stringMatching(message) }]);
  });
});
