import { describe, expect, it } from 'vitest';
import { findUrlProblem } from '../../../src/webhooks/endpoint-request.ts';

describe('the address of an endpoint', () => {
  it.each(['https://shop.example/hooks?token=1', 'https://1.1.1.1/', 'https://[2606:4700::1111]:8443/x'])(
    'may be %s',
    (url) => expect(findUrlProblem(url, { allowPrivate: false })).toBeUndefined(),
  );

  it.each([
    'shop.example',
    'ftp://shop.example/',
    'http://shop.example/',
    'https://ada:pw@shop.example/',
    'https://shop.example/#part',
    'https://127.0.0.1/',
    'https://10.1.2.3/',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://0x7f.1/',
  ])('may not be %s', (url) => expect(findUrlProblem(url, { allowPrivate: false })).toMatch(/\.$/));

  it('may be any of http where private networks are allowed', () => {
    expect(findUrlProblem('http://127.0.0.1:8080/', { allowPrivate: true })).toBeUndefined();
    expect(findUrlProblem('ftp://127.0.0.1/', { allowPrivate: true })).toBeDefined();
  });
});
