import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { REASONS } from '../../../src/accounts/reason.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { endRun, giveTo, insertRun } from '../../support/instance-rows.ts';

const QR = '2@abcdefghijklmnopqrstuvwxyz0123456789,ABCDEFGHIJKLMNOP==,QRSTUVWXYZ0123456789=';

let server: TestServer;
let id: AccountId;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  id = await server.makeAccount();
  await server.accounts.saveState(id, { state: 'awaiting_scan', reason: null });
});

function show(ageMs = 0) {
  return server.accounts.saveQr(id, { text: QR, expiresAt: new Date(Date.now() + 120_000 - ageMs) });
}

function ask(accept?: string) {
  return server.ask('GET', `/qr-code/${id}`, accept === undefined ? {} : { headers: { accept } });
}

describe('the QR code', () => {
  it('is null until there is one', async () => {
    expect((await ask()).body.data).toEqual({
      qrCode: null,
      qr: null,
      expiresAt: null,
      status: 'Connecting',
    });
    expect((await ask('image/png')).status).toBe(404);
  });

  it('comes as text and as a PNG in a data URL', async () => {
    await show();
    const { data } = (await ask()).body;
    expect(data).toMatchObject({ qr: QR, status: 'Connecting' });
    expect(Date.parse(data.expiresAt) - Date.now()).toBeGreaterThan(100_000);
    const [head, base64] = data.qrCode.split(',');
    expect(head).toBe('data:image/png;base64');
    expect(Buffer.from(base64, 'base64').subarray(0, 8)).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
  });

  it('comes as just the picture that is asked for', async () => {
    await show();
    const png = await ask('image/png');
    expect(png.headers.get('content-type')).toBe('image/png');
    expect(png.body.subarray(1, 4).toString()).toBe('PNG');
    expect(png.headers.get('cache-control')).toBe('no-store');
    const svg = await ask('image/svg+xml');
    expect(svg.headers.get('content-type')).toContain('image/svg+xml');
    expect(String(svg.body)).toMatch(/^<svg .*<\/svg>\s*$/s);
    const text = await ask('text/plain');
    expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const lines = String(text.body).trimEnd().split('\n');
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(String(text.body)).toMatch(/^[█▀▄ \n]+$/);
  });

  it('is none once it can no longer be scanned', async () => {
    await show(120_001);
    expect((await ask()).body.data.qr).toBeNull();
  });

  it.each([
    'qr_given_up',
    'no_code',
    'pairing_code_refused',
    'wrong_phone',
    'already_linked',
    'link_stalled',
    'passkey',
    'banned',
    'client_outdated',
  ] as const)(
    'does not come any more where linking was given up for %s: 400 that says why',
    async (reason) => {
      const { state, text, userAction } = REASONS[reason];
      await server.accounts.saveState(id, { state, reason });
      for (const accept of [undefined, 'image/png']) {
        const answer = await ask(accept);
        expect([answer.status, answer.body.error]).toEqual([
          400,
          expect.objectContaining({ code: 'QR_EXPIRED', message: `${text} ${userAction}` }),
        ]);
      }
      await server.accounts.saveState(id, { state: 'starting', reason: null });
      expect((await ask()).body.data).toMatchObject({ qr: null, status: 'Connecting' });
    },
  );

  it('may still come while the page waits for a passkey', async () => {
    await server.accounts.saveState(id, { state: 'needs_human', reason: 'passkey' });
    const run = await insertRun(server.db, 'holder');
    await giveTo(server.db, id, run);
    expect((await ask()).body.data).toMatchObject({ qr: null, status: 'Failed' });
    await giveTo(server.db, id, null);
    expect((await ask()).body.error).toMatchObject({ code: 'QR_EXPIRED' });
    await endRun(server.db, run);
  });

  it.each(['user_disconnected', 'logged_out', 'daemon_stopped', 'no_slot'] as const)(
    'is null where no linking was given up: %s',
    async (reason) => {
      await server.accounts.saveState(id, { state: REASONS[reason].state, reason });
      expect((await ask()).body.data).toMatchObject({ qr: null });
    },
  );

  it('is not needed by a linked account: 409', async () => {
    await server.accounts.saveLinked(id, {
      wid: '4917@c.us',
      phoneNumber: '+491799999999',
      profileName: null,
    });
    const answer = await ask('image/png');
    expect([answer.status, answer.body.error.code]).toEqual([409, 'ALREADY_LINKED']);
  });
});
