import { expect, it } from 'vitest';
import { toDaemonError } from '../../../src/cli/daemon-error.ts';
import { SwitchboardError, type SwitchboardErrorParts } from '../../../src/client/switchboard-error.ts';

const DAEMON = { url: 'http://daemon', apiKey: 'key', keySource: 'OWNER_API_KEY' } as const;

function told(parts: Partial<SwitchboardErrorParts>) {
  const error = new SwitchboardError({ code: 'UNREACHABLE', message: 'It failed.', ...parts });
  const { code, message, details } = toDaemonError(error, DAEMON as never);
  return { code, message, details };
}

/** What fetch throws. */
function failed(code: string, syscall = 'read'): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('the reason'), { code, syscall }) });
}

it.each([
  ['ECONNREFUSED', 'connect'],
  ['ENOTFOUND', 'getaddrinfo'],
  ['ETIMEDOUT', 'connect'],
  ['UND_ERR_CONNECT_TIMEOUT', ''],
])('says that no daemon answers where nothing was sent: %s of %s', (code, syscall) => {
  const { message, details } = told({ cause: failed(code, syscall), idempotencyKey: 'key-1' });
  expect(message).toMatch(/^No daemon answers at http:\/\/daemon \(the reason\)\. Start it with npm start/);
  expect(details).toBeUndefined();
});

it.each([['UND_ERR_SOCKET'], ['ECONNRESET'], ['EPIPE'], ['ETIMEDOUT']])(
  'says that it is not known what was done where the connection broke: %s',
  (code) => {
    const { message, details } = told({ cause: failed(code), idempotencyKey: 'key-1' });
    expect(message).toMatch(
      /broke before .* is not known\. Repeat the command with --idempotency-key key-1:/,
    );
    expect(message).not.toContain('npm start');
    expect(details).toEqual({ idempotencyKey: 'key-1' });
  },
);

it.each([
  [{ code: 'TIMEOUT' }, 'UNAVAILABLE'],
  [{ code: 'UNAVAILABLE', status: 503 }, 'UNAVAILABLE'],
  [{ code: 'INTERNAL', status: 500 }, 'INTERNAL'],
  [{ code: 'NOT_SWITCHBOARD', status: 504 }, 'UNAVAILABLE'],
])('names the key by which a command is repeated safely: %o', (parts, expected) => {
  const { code, message, details } = told({ ...parts, idempotencyKey: 'key-1' });
  expect(code).toBe(expected);
  expect(message).toContain('--idempotency-key key-1');
  expect(details).toEqual({ idempotencyKey: 'key-1' });
  expect(told(parts).message).not.toContain('--idempotency-key');
});

it('keeps details that are a list as one, beside the key', () => {
  const details = [{ field: 'to' }];
  const parts = { code: 'INTERNAL', status: 500, details, idempotencyKey: 'key-1' } as const;
  expect(told(parts).details).toEqual({ details, idempotencyKey: 'key-1' });
});

it('names none where the daemon refused', () => {
  const { message, details } = told({ code: 'ACCOUNT_NOT_FOUND', status: 404, idempotencyKey: 'key-1' });
  expect([message, details]).toEqual(['It failed.', undefined]);
});
