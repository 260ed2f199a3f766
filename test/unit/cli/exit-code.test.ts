import { expect, it } from 'vitest';
import { EXIT, EXIT_CODES_HELP, errorToExitCode } from '../../../src/cli/exit-code.ts';
import { AppError, type ErrorCode } from '../../../src/lib/errors.ts';

it.each([
  ['VALIDATION_FAILED', 2],
  ['CONFIG_INVALID', 2],
  ['UNAVAILABLE', 3],
  ['UNAUTHENTICATED', 4],
  ['FORBIDDEN', 4],
  ['ACCOUNT_NOT_FOUND', 5],
  ['MESSAGE_NOT_FOUND', 5],
  ['CAMPAIGN_NOT_FOUND', 5],
  ['WEBHOOK_NOT_FOUND', 5],
  ['DELIVERY_NOT_FOUND', 5],
  ['INSTANCE_NOT_FOUND', 5],
  ['ACCOUNT_NOT_CONNECTED', 6],
  ['QR_EXPIRED', 6],
  ['ALREADY_LINKED', 1],
  ['INTERNAL', 1],
] as const satisfies readonly (readonly [ErrorCode, number])[])('%s exits with %i', (code, exit) => {
  expect(errorToExitCode(new AppError(code))).toBe(exit);
});

it('anything unforeseen exits with 1', () => {
  expect(errorToExitCode(new TypeError('x'))).toBe(1);
});

it('every exit code is in the help', () => {
  for (const code of Object.values(EXIT)) expect(EXIT_CODES_HELP).toMatch(new RegExp(`^ +${code} {2,}`, 'm'));
});
