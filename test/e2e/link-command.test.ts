import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiAccount } from '../../scripts/daemon-api.ts';
import { findFreePort } from '../../scripts/daemon-process.ts';
import { drawQr } from '../../src/cli/qr-view.ts';
import { runProgram } from '../support/program.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { openWorkFolder, type WorkFolder } from '../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');

let folder: WorkFolder;
let stage: Stage;

beforeAll(async () => {
  folder = await openWorkFolder();
  stage = await openStage({ env: folder.places });
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { url, ownerKey } = stage.daemon();
  return runProgram(['npm', 'run', '--silent', 'cli', '--', ...args], {
    cwd: ROOT,
    env: { ...folder.env(), SWITCHBOARD_URL: url, SWITCHBOARD_API_KEY: ownerKey, ...env },
  });
}

it('draws the QR code of a new account until a phone has scanned it', async () => {
  const cli = runCli(['link', 'Front desk']);
  await cli.printed(/Account [0-9a-f-]{36}\n/);
  const accountId = /Account ([0-9a-f-]{36})\n/.exec(cli.output())?.[1] ?? '';
  const qr = await stage.api.qr(accountId);
  await cli.printed(drawQr(qr, { small: true }));
  const phone = await stage.world.phone('front-desk');
  await phone.scan(qr);
  expect(await cli.ended, cli.errors()).toBe(0);
  expect(cli.output()).toMatch(new RegExp(`Connected as \\+${phone.number}\\.\n$`));
  expect(cli.errors()).toBe('');
  expect(await stage.api.account(accountId)).toMatchObject({
    displayName: 'Front desk',
    connectionStatus: 'Connected',
  });
});

it('shows a code that is typed on the phone, until it was', async () => {
  const phone = await stage.world.phone('typing');
  const cli = runCli(['link', 'Back office', '--code', `+${phone.number}`]);
  const frame = /│ {3}([1-9A-Z]{4}-[1-9A-Z]{4}) {3}│/;
  await cli.printed(frame);
  await phone.enterCode(frame.exec(cli.output())?.[1] ?? '');
  expect(await cli.ended, cli.errors()).toBe(0);
  expect(cli.output()).toMatch(new RegExp(`Connected as \\+${phone.number}\\.\n$`));
  expect((await phone.view()).devices).toMatchObject([{ name: 'Switchboard (Back office)' }]);
});

it('shows the linked account to a script', async () => {
  const cli = runCli(['accounts', '--json']);
  expect(await cli.ended, cli.errors()).toBe(0);
  const listed: { data?: ApiAccount[] } | ApiAccount[] = JSON.parse(cli.output());
  expect(JSON.stringify(listed)).toContain('Front desk');
});

it('says so where no daemon answers, and where the key is wrong', async () => {
  const port = await findFreePort();
  const nobody = runCli(['link', 'x'], { SWITCHBOARD_URL: `http://127.0.0.1:${port}` });
  expect(await nobody.ended).not.toBe(0);
  expect(nobody.errors()).toContain(`127.0.0.1:${port}`);
  const stranger = runCli(['link', 'x'], { SWITCHBOARD_API_KEY: 'b'.repeat(40) });
  expect(await stranger.ended).not.toBe(0);
  expect(stranger.errors()).toMatch(/key/i);
  for (const { errors } of [nobody, stranger]) expect(errors()).not.toMatch(/\n\s+at /);
});
