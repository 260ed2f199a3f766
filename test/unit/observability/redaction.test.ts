import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactFields, redactText } from '../../../src/observability/redaction.ts';

/** Digits of a full phone number as countries have them: 11 with +1, else 10 to 15 that do not begin with 1 or 0. */
const phoneDigits = fc.oneof(fc.stringMatching(/^1[2-9]\d{9}$/), fc.stringMatching(/^[2-9]\d{9,14}$/));

/** Ordinary words around a number. */
const words = fc.array(fc.constantFrom('sent', 'to', 'the', 'chat', 'of', 'user'), { maxLength: 4 });

/** A field of any depth and kind around a value. */
function nest(value: unknown, how: readonly string[]): unknown {
  return how.reduce<unknown>((inner, kind) => {
    switch (kind) {
      case 'array':
        return [1, inner];
      case 'object':
        return { other: 'x', inner };
      case 'map':
        return new Map([['inner', inner]]);
      case 'error':
        return Object.assign(new Error('It failed'), { inner });
      default:
        return new Error('It failed', { cause: inner });
    }
  }, value);
}
const nesting = fc.array(fc.constantFrom('array', 'object', 'map', 'error', 'cause'), { maxLength: 4 });

function written(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(redactFields(fields));
}

describe('redaction of phone numbers', () => {
  it('masks E.164, JIDs and bare digits in any text, and keeps the last two digits', () => {
    const forms = fc.constantFrom(
      (digits: string) => `+${digits}`,
      (digits: string) => digits,
      (digits: string) => `${digits}@c.us`,
      (digits: string) => `${digits}@lid.`,
      (digits: string) => `${digits}:12@s.whatsapp.net`,
      (digits: string) => `true_${digits}@c.us_3EB0C0FFEE`,
      (digits: string) => `false_120363025246125486@g.us_3EB0C0FFEE_${digits}@c.us`,
      (digits: string) => `${digits}-1600000000@g.us`,
      (digits: string) => `+${digits.slice(0, 2)} ${digits.slice(2, 5)} ${digits.slice(5)}`,
      (digits: string) =>
        `+${digits.slice(0, 1)} (${digits.slice(1, 4)}) ${digits.slice(4, 7)}-${digits.slice(7)}`,
    );
    fc.assert(
      fc.property(phoneDigits, forms, words, words, (digits, form, before, after) => {
        const redacted = redactText([...before, form(digits), ...after].join(' '));
        const left = redacted.replaceAll('120363025246125486', '').replaceAll('1600000000', '');
        expect(left.replaceAll(/[ ()-]/g, '')).not.toContain(digits.slice(0, 6));
        expect(redacted.replaceAll(/[ ()-]/g, '')).toContain(`*${digits.slice(-2)}`);
      }),
    );
  });

  it('masks them in every nested field, error, cause and key', () => {
    fc.assert(
      fc.property(phoneDigits, nesting, (digits, how) => {
        expect(written({ value: nest(`+${digits}`, how) })).not.toContain(digits.slice(0, -2));
        expect(written({ value: nest(new Error(`${digits}@c.us is gone`), how.slice(1)) })).not.toContain(
          digits.slice(0, -2),
        );
        expect(written({ counts: { [`+${digits}`]: 1 } })).not.toContain(digits.slice(0, -2));
      }),
    );
  });

  it('masks fields that are named after a number, whatever form they have', () => {
    const fields = {
      phoneNumber: 4_917_012_345,
      to: '030 1234567',
      wid: { user: '1234567', server: 'c.us' },
    };
    expect(redactFields(fields)).toEqual({
      phoneNumber: '********45',
      to: '*** *****67',
      wid: { user: '*****67', server: 'c.us' },
    });
  });

  it('leaves the id of a group readable', () => {
    expect(redactText('120363025246125486@g.us')).toBe('120363025246125486@g.us');
  });
});

describe('redaction of ids and times', () => {
  it('leaves UUIDs, ISO times, epoch times and bare message ids as they are', () => {
    const instant = fc.date({
      min: new Date('2001-09-09T02:00:00Z'),
      max: new Date('2033-05-18T00:00:00Z'),
      noInvalidDate: true,
    });
    const readable = fc.oneof(
      fc.uuid(),
      instant.map((date) => date.toISOString()),
      instant.map((date) => String(date.getTime())),
      instant.map((date) => String(Math.floor(date.getTime() / 1_000))),
      fc.stringMatching(/^3EB0[\dA-F]{16,18}$/),
      fc.stringMatching(/^[\da-f]{64}$/),
    );
    const name = fc.constantFrom('accountId', 'messageId', 'jobId', 'at', 'since', 'from', 'to', 'value');
    fc.assert(
      fc.property(name, readable, words, (field, value, around) => {
        expect(redactFields({ [field]: value })).toEqual({ [field]: value });
        expect(redactText([...around, value].join(' '))).toBe([...around, value].join(' '));
      }),
    );
  });

  it('leaves numbers, versions, durations and addresses as they are', () => {
    const fields = {
      count: 4_917_012_345_678,
      at: 1_732_156_860_000,
      ratio: 0.123456789012,
      ok: true,
      none: null,
      version: 'Chrome/140.0.7339.207',
      host: '192.168.100.200:65535',
      path: '/data/media/ab/abcdef',
      took: '12.345678901 s',
    };
    expect(redactFields(fields)).toEqual(fields);
    expect(redactFields({ when: new Date(0) })).toEqual({ when: '1970-01-01T00:00:00.000Z' });
  });
});

describe('redaction of bodies', () => {
  it('keeps the length of a body alone, at any depth', () => {
    const name = fc.constantFrom('text', 'body', 'caption', 'qr', 'qrCode', 'vcard', 'content', 'detail');
    const body = fc.string({ minLength: 12 }).map((text) => `secret words ${text}`);
    fc.assert(
      fc.property(name, body, nesting, (field, text, how) => {
        const line = written({ value: nest({ [field]: text }, how) });
        expect(line).not.toContain('secret words');
        if (how.length <= 3) expect(line).toContain(`[redacted, ${text.length} characters]`);
      }),
    );
    expect(redactFields({ body: { nested: 'words' }, text: null, qr: '' })).toEqual({
      body: '[redacted]',
      text: null,
      qr: '[redacted, 0 characters]',
    });
  });

  it('shortens bytes, pictures and endless texts', () => {
    expect(redactFields({ media: Buffer.from('secret') })).toEqual({ media: '[6 bytes]' });
    expect(redactText('see data:image/png;base64,iVBORw0KGgo= there')).toBe(
      'see data:image/png,[redacted] there',
    );
    expect(redactText('x'.repeat(20_000)).length).toBeLessThan(9_000);
  });
});

describe('redaction of secrets', () => {
  it.each([
    ['postgres://app:hunter2@db:5432/x', 'postgres://[redacted]@db:5432/x'],
    ['rediss://:hunter2@cache:6379', 'rediss://[redacted]@cache:6379'],
    ['https://user:p@ss:hunter2@host/path?a=b', 'https://[redacted]@host/path?a=b'],
    ['Authorization: Bearer hunter2hunter2', 'Authorization: [redacted]'],
    ['with Bearer hunter2hunter2 as key', 'with Bearer [redacted] as key'],
    ['GET /x?api_key=hunter2&limit=5', 'GET /x?api_key=[redacted]&limit=5'],
    ['{"password":"hunter2","user":"me"}', '{"password":"[redacted]","user":"me"}'],
    ['OWNER_API_KEY=hunter2', 'OWNER_API_KEY=[redacted]'],
    ['key sb_hunter2hunter2hunter2hunter2', 'key [redacted]'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hunter2hunter2', '[redacted]'],
  ])('takes them out of %s', (text, redacted) => {
    expect(redactText(text)).toBe(redacted);
    expect(written({ error: new Error(text) })).not.toContain('hunter2');
  });

  it('takes out the values of fields that are named after a secret', () => {
    const fields = {
      apiKey: 'hunter2',
      OWNER_API_KEY: 'hunter2',
      password: 'hunter2',
      headers: { authorization: 'hunter2', 'x-api-key': 'hunter2', cookie: ['hunter2'] },
      encryptionKey: Buffer.from('hunter2'),
    };
    expect(written(fields)).not.toMatch(/hunter2|7 bytes/);
  });

  it('leaves ordinary words that are near them', () => {
    const text = 'The token bucket is empty; authorization follows. 3 tokens a second.';
    expect(redactText(text)).toBe(text);
    expect(redactFields({ tokens: 3, idempotencyKey: 'order-17' })).toEqual({
      tokens: 3,
      idempotencyKey: 'order-17',
    });
  });
});

describe('redactFields', () => {
  it('never throws and always gives JSON', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string(),
          fc.anything({
            withDate: true,
            withMap: true,
            withSet: true,
            withBigInt: true,
            withTypedArray: true,
            withNullPrototype: true,
          }),
        ),
        (fields) => {
          expect(() => written(fields)).not.toThrow();
        },
      ),
    );
  });

  it('ends circles and depths', () => {
    const circle: Record<string, unknown> = { name: 'a' };
    circle.self = circle;
    expect(redactFields({ circle })).toEqual({ circle: { name: 'a', self: '[circular]' } });
    let deep: Record<string, unknown> = {};
    for (let depth = 0; depth < 10_000; depth += 1) deep = { deep };
    expect(written({ deep })).toContain('[deeper]');
  });

  it('survives an object that throws when it is read', () => {
    const fields = {
      get broken(): never {
        throw new Error('no');
      },
    };
    expect(redactFields(fields)).toEqual({ fields: '[unreadable]' });
  });

  it('keeps what names an error: code, cause and its own fields', () => {
    const error = Object.assign(new TypeError('It failed', { cause: new Error('because') }), { code: 'E_X' });
    expect(redactFields({ error })).toEqual({
      error: {
        name: 'TypeError',
        message: 'It failed',
        code: 'E_X',
        stack: expect.stringContaining('redaction.test.ts'),
        cause: expect.objectContaining({ message: 'because' }),
      },
    });
  });

  it('leaves its input as it is', () => {
    const fields = { to: '+491701234567', nested: { text: 'words' } };
    redactFields(fields);
    expect(fields).toEqual({ to: '+491701234567', nested: { text: 'words' } });
  });

  it('takes a time that grows with the text, not with its square', () => {
    for (const text of [
      'a-'.repeat(4_000),
      'a.'.repeat(4_000),
      '+1 '.repeat(2_700),
      '1:'.repeat(4_000),
      'eyJaaaaaaaa-'.repeat(680),
    ]) {
      const start = performance.now();
      redactText(text);
      expect(performance.now() - start).toBeLessThan(500);
    }
  });
});
