import { describe, expect, it } from 'vitest';
import { explainStartError } from '../../../src/config/start-error.ts';
import { AppError } from '../../../src/lib/errors.ts';

describe('explainStartError', () => {
  it('names each problem of the configuration in a line of its own', () => {
    const error = new AppError('CONFIG_INVALID', {
      details: [
        { field: 'PORT', message: 'Write a whole number.' },
        { field: 'HOST', message: 'Write a host name.' },
      ],
    });
    expect(explainStartError(error)).toBe(
      'Switchboard cannot start. The configuration is not valid.\n  PORT: Write a whole number.\n  HOST: Write a host name.\n',
    );
  });

  it('says what an expected error says, without a stack trace', () => {
    const error = new AppError('PORT_TAKEN', { message: 'Port 3000 is taken. Set PORT.' });
    expect(explainStartError(error)).toBe('Switchboard cannot start. Port 3000 is taken. Set PORT.\n');
  });

  it('shows where a bug is', () => {
    expect(explainStartError(new TypeError('x is undefined'))).toContain('start-error.test.ts');
  });
});
