import { installBridge } from '../../src/channels/whatsapp-web/page-bridge.ts';
import { beginInjection, beginListening } from '../../src/channels/whatsapp-web/page-calls.ts';
import { installLookUp } from '../../src/channels/whatsapp-web/page-look-up.ts';
import type { PageNews } from '../../src/channels/whatsapp-web/page-model.ts';
import { installPicking } from '../../src/channels/whatsapp-web/page-picking.ts';
import { installReadBack } from '../../src/channels/whatsapp-web/page-read-back.ts';

type Modules = Record<string, unknown>;

/**
 * A page as other versions of WhatsApp Web, or another simulator, might have it: only what a test gives, and
 * `require` throws for the rest as WhatsApp's does.
 */
export function openStrangePage(modules: Modules, library: Record<string, unknown> = {}) {
  const told: PageNews[] = [];
  const page = {
    require: (name: string) => {
      if (Object.hasOwn(modules, name)) return modules[name];
      throw new Error(`Requiring unknown module "${name}"`);
    },
    // What crosses into Node is JSON, so that toJSON decides what arrives.
    switchboardTell: async (pack: PageNews[]) => void told.push(...JSON.parse(JSON.stringify(pack))),
    WWebJS: { getMessageModel: (model: { serialize(): unknown }) => model.serialize(), ...library },
  };
  Object.assign(globalThis, { window: Object.assign(page, { top: page }) });
  installBridge();
  installPicking();
  return { told, page: globalThis.window as typeof globalThis.window & Record<string, never> };
}

/** The same page when it is connected, as those functions have it that speak to a connected page alone. */
export function openConnectedPage(...options: Parameters<typeof openStrangePage>) {
  const opened = openStrangePage(...options);
  beginInjection();
  beginListening();
  installLookUp();
  installReadBack();
  return opened;
}

/** Takes the page away again. */
export function closeStrangePage(): void {
  Reflect.deleteProperty(globalThis, 'window');
}

/** An address as pages have it today; `text` names the field of its serialised form. */
export class Wid {
  readonly user: string;
  readonly server: string;
  constructor(text: string, dialect: '_serialized' | '$1' | 'none' = '_serialized') {
    [this.user = '', this.server = ''] = text.split('@');
    if (dialect !== 'none') Object.defineProperty(this, dialect, { value: text, enumerable: true });
  }
  toString(): string {
    return `${this.user}@${this.server}`;
  }
  isLid(): boolean {
    return this.server === 'lid';
  }
  isGroup(): boolean {
    return this.server === 'g.us';
  }
}

const createWid = (input: unknown) => (input instanceof Wid ? input : new Wid(String(input)));
export const WAWebWidFactory = { createWid, asUserWidOrThrow: (wid: unknown) => wid };

export class MsgKey {
  readonly fromMe: boolean;
  readonly remote: unknown;
  readonly id: string;
  constructor(parts: { selfDir?: string; to?: unknown; id: string; remote?: unknown }) {
    this.fromMe = parts.selfDir === 'out';
    this.remote = parts.remote ?? parts.to;
    this.id = parts.id;
  }
  static newId(): string {
    return 'NEW1';
  }
}
