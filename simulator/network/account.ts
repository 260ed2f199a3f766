import { createHash } from 'node:crypto';
import type { AddressDialect, IdDialect, Peer } from '../protocol.ts';
import type { LinkedDevice } from './device.ts';
import { SendLimits } from './limits.ts';

export type AccountOptions = {
  readonly number?: string | undefined;
  readonly pushname?: string | undefined;
  readonly ids?: IdDialect | undefined;
  readonly addresses?: AddressDialect | undefined;
  readonly autoRead?: boolean | undefined;
  readonly online?: boolean | undefined;
  readonly platform?: string | undefined;
};

/** A WhatsApp account and the phone that owns it. */
export class Account {
  readonly name: string;
  readonly pn: string;
  readonly lid: string;
  readonly devices = new Map<string, LinkedDevice>();
  /** The phone's address book: names by number. */
  readonly book = new Map<string, string>();
  readonly limits = new SendLimits();
  pushname: string;
  ids: IdDialect | undefined;
  addresses: AddressDialect | undefined;
  /** Reads every message as it comes. */
  autoRead = false;
  /** A phone that is off receives, and so acknowledges, nothing. */
  online = true;
  platform = 'android';

  constructor(name: string, options: AccountOptions) {
    this.name = name;
    this.pn = options.number ?? numberFor(name);
    this.lid = digits(`lid:${this.pn}`, 15);
    this.pushname = name;
    this.change(options);
  }

  change(options: AccountOptions): void {
    this.pushname = options.pushname ?? this.pushname;
    this.ids = options.ids ?? this.ids;
    this.addresses = options.addresses ?? this.addresses;
    this.autoRead = options.autoRead ?? this.autoRead;
    this.online = options.online ?? this.online;
    this.platform = options.platform ?? this.platform;
  }

  get peer(): Peer {
    return { pn: this.pn, lid: this.lid, pushname: this.pushname };
  }
}

/** A number of the kind reserved for fiction, always the same for the same name. */
function numberFor(name: string): string {
  return `1555${digits(`pn:${name}`, 7)}`;
}

function digits(seed: string, length: number): string {
  const hash = createHash('sha256').update(seed).digest('hex');
  return BigInt(`0x${hash}`).toString().slice(0, length);
}
