import { describe, expect, it } from 'vitest';
import type { Account, SessionChange } from '../../../src/accounts/account.ts';
import { parseAccountId } from '../../../src/accounts/ids.ts';
import { makeLinkTeller, type ToldAccount } from '../../../src/cli/link-teller.ts';
import { makeTerminalQrView } from '../../../src/cli/qr-view.ts';
import { silentLog } from '../../support/silent-log.ts';

const ID = parseAccountId('11111111-1111-4111-8111-111111111111');
const CLI = 'DATA_PATH=/tmp/x npm run cli --';
const LINK = `${CLI} link --account ${ID}\n`;

/** A terminal, and the account as it is stored. */
class TellerStage {
  stored: ToldAccount = { id: ID, displayName: 'Shop', phoneNumber: null, linked: false };
  readonly written: string[] = [];
  readonly #write = (text: string) => void this.written.push(text);
  readonly teller = makeLinkTeller({
    view: makeTerminalQrView({ write: this.#write, isTty: false }),
    cli: CLI,
    log: silentLog,
    write: this.#write,
    getAccount: async () => this.stored,
  });

  showQr(qr: string | null): void {
    this.teller.onQr({ id: ID, displayName: 'Shop' } as Account, qr);
  }

  /** What is written of these changes, one after another. */
  async hear(...changes: readonly SessionChange[]): Promise<string> {
    const before = this.written.length;
    for (const change of changes) {
      this.teller.onState(ID, change);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this.written.slice(before).join('');
  }
}

describe('the terminal of a daemon whose account is being linked', () => {
  it('is told of the answer, the success and a next step', async () => {
    const stage = new TellerStage();
    stage.showQr('one');
    stage.showQr(null);
    expect(await stage.hear({ state: 'pairing', reason: null }, { state: 'syncing', reason: null })).toBe(
      'Shop: the phone has answered. WhatsApp is linking.\n',
    );
    stage.stored = { ...stage.stored, phoneNumber: '+15550001', linked: true };
    expect(await stage.hear({ state: 'connected', reason: null })).toBe(
      `Shop is connected as +15550001.\nNext: write to it from another phone, then see ${CLI} messages +15550001\n`,
    );
  });

  it.each([
    ['given up', 'qr_given_up', /^Shop was not linked\. Nobody scanned .* Reconnect the account and scan/],
    ['stopped', 'user_disconnected', /^Shop was not linked\. Disconnected by a user\./],
    ['refused', 'wrong_phone', /^Shop was not linked\. Another phone scanned/],
  ] as const)('is told that it was %s, what to do and with which command', async (_what, reason, said) => {
    const stage = new TellerStage();
    stage.showQr('one');
    stage.showQr(null);
    const text = await stage.hear({ state: 'closing', reason: null }, { state: 'disconnected', reason });
    expect(text).toMatch(said);
    expect(text.endsWith(`\nTo link it: ${LINK}`)).toBe(true);
    expect(await stage.hear({ state: 'disconnected', reason: 'daemon_stopped' })).toBe('');
  });

  it('is told once that WhatsApp Web cannot be reached, before any code', async () => {
    const stage = new TellerStage();
    const fell = { state: 'reconnecting', reason: 'page_unreachable' } as const;
    expect(await stage.hear(fell, { state: 'starting', reason: null }, fell)).toBe(
      "Shop: WhatsApp Web could not be loaded: the network or its server does not answer. Check this machine's internet connection, DNS and proxy. It is tried again, and a code comes as soon as it works.\n",
    );
  });

  it('waits on where a passkey is demanded (A24)', async () => {
    const stage = new TellerStage();
    stage.showQr('one');
    expect(await stage.hear({ state: 'needs_human', reason: 'passkey' })).toMatch(
      /^Shop: WhatsApp asks for a passkey.*\n$/,
    );
    expect(await stage.hear({ state: 'connected', reason: null })).toContain('Shop is connected');
  });

  it('is told nothing when the daemon stops', async () => {
    const stage = new TellerStage();
    stage.showQr('one');
    expect(await stage.hear({ state: 'disconnected', reason: 'daemon_stopped' })).toBe('');
  });
});

it('says nothing of accounts that are linked', async () => {
  const stage = new TellerStage();
  stage.stored = { ...stage.stored, linked: true };
  const changes: readonly SessionChange[] = [
    { state: 'reconnecting', reason: 'page_unreachable' },
    { state: 'connected', reason: null },
    { state: 'needs_human', reason: 'logged_out' },
  ];
  expect(await stage.hear(...changes)).toBe('');
});
