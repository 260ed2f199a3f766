import { randomBytes, randomInt } from 'node:crypto';
import type { PageKeys, ServerFrame } from '../protocol.ts';
import type { Account } from './account.ts';
import type { Network } from './network.ts';
import { Rejection } from './rejection.ts';

/** An unlinked page that shows a QR code. */
export type WaitingPage = {
  readonly keys: PageKeys;
  readonly loginKey: JsonWebKey;
  send(frame: ServerFrame): void;
};

type Desk = {
  readonly page: WaitingPage;
  ref: string | undefined;
  shown: number;
  code: { readonly text: string; readonly pn: string } | undefined;
  /** Who scanned, while a passkey is still demanded of them. */
  scannedBy: Account | undefined;
  cancel: () => void;
};

const CODE_LETTERS = '123456789ABCDEFGHJKLMNPQRSTVWXYZ';

/** Where pages and phones find each other: QR references, pairing codes, and the passkey in between. */
export class LinkDesk {
  readonly #network: Network;
  readonly #desks = new Map<WaitingPage, Desk>();

  constructor(network: Network) {
    this.#network = network;
  }

  get waiting(): readonly {
    readonly ref: string | null;
    readonly code: string | null;
    readonly shown: number;
  }[] {
    return [...this.#desks.values()].map(({ ref, code, shown }) => ({
      ref: ref ?? null,
      code: code?.text ?? null,
      shown,
    }));
  }

  /** Gives the page its first reference; the others follow by themselves until they are used up. */
  open(page: WaitingPage): void {
    this.#desks.set(page, {
      page,
      ref: undefined,
      shown: 0,
      code: undefined,
      scannedBy: undefined,
      cancel: () => undefined,
    });
    this.#advance(page);
  }

  close(page: WaitingPage): void {
    this.#desks.get(page)?.cancel();
    this.#desks.delete(page);
    this.#network.changed();
  }

  /** Every waiting page shows its next reference, or runs out of them if it had its last. */
  rotate(): void {
    for (const page of this.#desks.keys()) this.#advance(page);
  }

  /** Takes away the references that are left. */
  exhaust(): void {
    for (const desk of this.#desks.values()) {
      desk.shown = this.#network.settings.qrCount;
      this.#advance(desk.page);
    }
  }

  /** Undefined if the page is left without an answer. */
  requestCode(page: WaitingPage, phoneNumber: string): string | undefined {
    const desk = this.#desks.get(page);
    if (!desk) throw new Rejection(409, 'the page is not waiting for a link');
    const pn = phoneNumber.replace(/\D/g, '');
    const fault = this.#network.faults.take('pairing-code', this.#network.directory.findByPn(pn)?.name);
    if (fault?.mode === 'refuse') throw new Rejection(429, 'too many codes were asked for');
    if (fault?.mode === 'hang') return undefined;
    const letters = Array.from({ length: 8 }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]);
    desk.code = { text: letters.join(''), pn };
    this.#network.changed();
    return desk.code.text;
  }

  scan(account: Account, qr: string): { linked: boolean } {
    const parts = qr.split(',');
    const [ref, noise, identity, advSecret] = parts;
    if (parts.length < 5 || !ref || !noise || !identity || !advSecret) {
      throw new Rejection(400, 'not a linking QR: it must read ref,staticKey,identityKey,advSecret,platform');
    }
    const desk = [...this.#desks.values()].find((each) => each.ref === ref);
    if (!desk) throw new Rejection(409, 'the QR is no longer valid; scan the one that is shown now');
    const { keys } = desk.page;
    if (keys.noise !== noise || keys.identity !== identity || keys.advSecret !== advSecret) {
      throw new Rejection(409, 'the keys of the QR are not those of the page that shows it');
    }
    return this.#link(account, desk);
  }

  enterCode(account: Account, code: string): { linked: boolean } {
    const wanted = code.replace(/[^0-9A-Z]/gi, '').toUpperCase();
    const desk = [...this.#desks.values()].find((each) => each.code?.text === wanted);
    if (!desk?.code) throw new Rejection(409, 'no page waits with this code');
    if (desk.code.pn !== account.pn)
      throw new Rejection(409, `the code was asked for by ${desk.code.pn}, not ${account.pn}`);
    return this.#link(account, desk);
  }

  /** The user does, or does not, give the passkey that was demanded. */
  answerPasskey(account: Account, approve: boolean): { linked: boolean } {
    const desk = [...this.#desks.values()].find((each) => each.scannedBy === account);
    if (!desk) throw new Rejection(409, `no passkey is demanded of "${account.name}"`);
    desk.page.send({ type: 'passkey', look: null });
    desk.scannedBy = undefined;
    if (!approve) return { linked: false };
    this.#complete(account, desk);
    return { linked: true };
  }

  #link(account: Account, desk: Desk): { linked: boolean } {
    if (account.devices.size >= this.#network.settings.maxDevices) {
      throw new Rejection(
        409,
        `"${account.name}" has ${account.devices.size} linked devices, the most it may have`,
      );
    }
    const demand = this.#network.faults.take('passkey', account.name);
    if (demand) {
      desk.scannedBy = account;
      this.#network.timers.after(demand.delayMs ?? 0, () => {
        if (desk.scannedBy === account) desk.page.send({ type: 'passkey', look: demand.mode });
      });
      this.#network.changed();
      return { linked: false };
    }
    this.#complete(account, desk);
    return { linked: true };
  }

  #complete(account: Account, desk: Desk): void {
    const device = this.#network.addDevice(account, desk.page.loginKey);
    desk.page.send({ type: 'paired', deviceId: device.id, me: account.peer, phone: account.name });
    this.close(desk.page);
  }

  #advance(page: WaitingPage): void {
    const desk = this.#desks.get(page);
    if (!desk) return;
    const { qrCount, qrFirstMs, qrNextMs } = this.#network.settings;
    desk.cancel();
    if (desk.shown >= qrCount) {
      desk.ref = undefined;
      page.send({ type: 'refs-ended' });
    } else {
      desk.shown += 1;
      desk.ref = `2@${randomBytes(66).toString('base64')}`;
      page.send({ type: 'ref', ref: desk.ref });
      desk.cancel = this.#network.timers.after(desk.shown === 1 ? qrFirstMs : qrNextMs, () =>
        this.#advance(page),
      );
    }
    this.#network.changed();
  }
}
