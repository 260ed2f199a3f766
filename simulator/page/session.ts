import type { PageConfig, PageFault, ServerFrame } from '../protocol.ts';
import { performAction } from './actions.ts';
import { setMe } from './addresses.ts';
import { dialect, hasPageFault, pageFaults } from './dialect.ts';
import { Emitter } from './emitter.ts';
import { Inbound } from './inbound.ts';
import type { PageLimits } from './limits.ts';
import { toBase64 } from './media.ts';
import { Model } from './model.ts';
import { Outbound } from './outbound.ts';
import { drawLoginScreen, hideLoginScreen, showPasskeyPrompt, whatsNew } from './prompts.ts';
import type { PageRatchet } from './ratchet.ts';
import { reportMissing } from './registry.ts';
import { PageSocket } from './socket.ts';
import type { DeviceRecord, PageStore } from './store.ts';
import { takeWeight } from './weight.ts';
import { PageWorld } from './world.ts';

const LOGOUT_URL = '/?post_logout=1&logout_reason=0';
/** The page answers its caller before it leaves, as WhatsApp's does. */
const OWN_LOGOUT_MS = 100;

class SocketModel extends Model {}
class ConnModel extends Model {
  canSetMyPushname(): boolean {
    return true;
  }
}

export const conn = new ConnModel({ ref: undefined, platform: 'android', pushname: '', connected: true });
export const cmd = new Emitter();
export const progress = { percent: 0 };

/**
 * The page's connection state: UNLAUNCHED → OPENING → UNPAIRED (QR) → PAIRING → OPENING → CONNECTED, then
 * `hasSynced`. UNPAIRED_IDLE when the network's references are used up; OPENING whenever the line is down.
 */
export class PageSession {
  readonly model = new SocketModel({ state: 'UNLAUNCHED', stream: 'DISCONNECTED', hasSynced: false });
  readonly world: PageWorld;
  readonly socket: PageSocket;
  readonly outbound: Outbound;
  readonly inbound: Inbound;
  readonly limits: PageLimits;
  readonly #ratchet: PageRatchet;
  #device: DeviceRecord;
  #welcomed = false;
  #welcoming: Promise<void> = Promise.resolve();
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  #resendTimer: ReturnType<typeof setTimeout> | undefined;
  #offline = { total: 0, left: 0 };
  /** From the first sync to the dialog that is to open then; null if none is. */
  #whatsNewOpensMs: number | null = null;
  /** What is done whenever a sync is through. */
  readonly whenSynced: (() => void)[] = [];

  constructor(store: PageStore, device: DeviceRecord, ratchet: PageRatchet, limits: PageLimits) {
    this.#device = device;
    this.#ratchet = ratchet;
    this.limits = limits;
    this.world = new PageWorld(store);
    this.socket = new PageSocket({
      opened: () => this.#login(),
      frame: (frame) => void this.#take(frame),
      closed: () => this.#lost(),
    });
    this.inbound = new Inbound(this.world, ratchet, {
      receipt: (seqs) => void this.socket.send({ type: 'receipt', seqs }),
      retry: (seqs) => void this.socket.send({ type: 'retry', seqs }),
      arrived: () => this.socket.query('echo', {}),
    });
    this.outbound = new Outbound(this.world, ratchet, (message) =>
      this.socket.send({ type: 'send', message, step: ratchet.state.sent }),
    );
    pageFaults.used = (id) => void this.socket.send({ type: 'fault-used', id });
  }

  get device(): DeviceRecord {
    return this.#device;
  }

  start(): void {
    this.setState('OPENING');
    this.socket.connect();
  }

  /** Asks for a new series of QR references. */
  refreshQr(): void {
    if (this.#device.deviceId === undefined) this.socket.restart();
  }

  reconnect(): void {
    this.setState('OPENING');
    this.socket.restart();
  }

  /** Ends the link from this side, then leaves for the log-out page. */
  async logout(): Promise<void> {
    await this.socket.query('logout', {});
    this.socket.stop();
    setTimeout(() => void this.#leave(), OWN_LOGOUT_MS);
  }

  setState(state: string): void {
    this.model.set({ state, stream: state === 'CONNECTED' ? 'CONNECTED' : 'DISCONNECTED' });
    this.report();
  }

  report(): void {
    const [state, synced] = [String(this.model.get('state')), this.model.get('hasSynced') === true];
    this.socket.send({ type: 'state', state, synced });
  }

  #login(): void {
    const { deviceId, noise, identity, advSecret, loginKey } = this.#device;
    reportMissing((name) => this.socket.send({ type: 'missing', name }));
    if (deviceId !== undefined) {
      sessionStorage.tab ??= crypto.randomUUID();
      const tab = String(sessionStorage.tab);
      const { os } = window.require('WAWebMiscBrowserUtils').info() as { os: string };
      const ratchet = this.#ratchet.state;
      this.socket.send({ type: 'login', deviceId, name: os, tab, resumed: this.#welcomed, ratchet });
      return;
    }
    const keys = { noise: toBase64(noise), identity: toBase64(identity), advSecret };
    void crypto.subtle.exportKey('jwk', loginKey.publicKey).then((jwk) => {
      this.socket.send({ type: 'hello', keys, loginKey: jwk });
    });
  }

  #lost(): void {
    if (['CONNECTED', 'PAIRING'].includes(String(this.model.get('state')))) this.setState('OPENING');
  }

  async #take(frame: ServerFrame): Promise<void> {
    switch (frame.type) {
      case 'challenge': {
        const nonce = new TextEncoder().encode(frame.nonce);
        const signature = await crypto.subtle.sign('Ed25519', this.#device.loginKey.privateKey, nonce);
        this.socket.send({ type: 'proof', signature: toBase64(new Uint8Array(signature)) });
        return;
      }
      case 'ref':
        this.socket.markReady();
        conn.set({ ref: frame.ref });
        drawLoginScreen();
        return this.setState('UNPAIRED');
      case 'refs-ended':
        return this.setState('UNPAIRED_IDLE');
      case 'passkey':
        showPasskeyPrompt(frame.look);
        return frame.look === 'silent' ? this.setState('PAIRING') : undefined;
      case 'paired':
        return this.#pair(frame);
      case 'welcome':
        this.#welcoming = this.#welcome(frame);
        return this.#welcoming;
      case 'removed':
        return this.#removed(frame.navigate);
      case 'offline':
        this.#offline = { total: frame.count, left: frame.count };
        return;
      case 'deliver':
        // Not before the stored history is in place.
        await this.#welcoming;
        this.inbound.take(frame.items);
        return this.#countOffline(frame.items.length);
      case 'sent':
        return this.outbound.settle(frame.id, frame.result);
      case 'limits':
        return this.limits.take(frame.limits);
      case 'faults':
        await this.#takeFaults(frame.faults);
        return void this.socket.send({ type: 'done', rid: frame.rid });
      case 'act':
        // Told first: some of these end the page.
        this.socket.send({ type: 'done', rid: frame.rid });
        return performAction(this, frame.action);
      case 'result':
      case 'failed':
        return;
      default:
        return frame satisfies never;
    }
  }

  async #pair(frame: Extract<ServerFrame, { type: 'paired' }>): Promise<void> {
    hideLoginScreen();
    this.setState('PAIRING');
    this.#device = { ...this.#device, deviceId: frame.deviceId, me: frame.me, phone: frame.phone };
    await this.world.store.write([{ store: 'device', put: this.#device }]);
    this.#hintAtPhone();
    this.socket.restart();
  }

  /** Only a hint for the next page load, so that faults of this phone can strike before its login. */
  #hintAtPhone(): void {
    // biome-ignore lint/suspicious/noDocumentCookie: the cookie store's own interface would make linking wait for it
    document.cookie = `phone=${encodeURIComponent(this.#device.phone ?? '')}; max-age=31536000; SameSite=Lax`;
  }

  async #welcome(frame: Extract<ServerFrame, { type: 'welcome' }>): Promise<void> {
    const isFirst = !this.#welcomed;
    this.#welcomed = true;
    // A browser that was killed has lost what it had not written to its disk.
    this.#hintAtPhone();
    dialect.ids = frame.config.ids;
    dialect.addresses = frame.config.addresses;
    pageFaults.list = frame.faults.map((fault) => ({ ...fault }));
    setMe(frame.me);
    await this.world.store.write([
      ...this.world.takePeers(frame.peers),
      ...frame.groups.flatMap((group) => this.world.takeGroup(group)),
      this.#ratchet.advance(frame.ratchet),
    ]);
    conn.set({ pushname: frame.me.pushname, platform: frame.config.platform });
    if (isFirst) await this.world.load(frame.config.historyPerChat);
    if (isFirst) await takeWeight(frame.config.weight);
    await this.#takeFaults(frame.faults);
    await this.limits.take(frame.limits);
    this.inbound.isNews = frame.config.offlineIsNew ?? this.model.get('hasSynced') === true;
    if (!isFirst && frame.config.toggleSync) this.model.set({ hasSynced: false });
    this.setState('CONNECTED');
    this.socket.markReady();
    await this.#resend(frame.config.resendMs);
    if (this.model.get('hasSynced') !== true) this.#scheduleSync(frame.config);
    if (frame.config.whatsNewLogoutMs !== null && !this.#device.whatsNewSeen) {
      if (frame.config.whatsNewOpensMs === null) this.#showWhatsNew();
      else this.#whatsNewOpensMs = frame.config.whatsNewOpensMs;
    }
  }

  async #resend(delayMs: number): Promise<void> {
    clearTimeout(this.#resendTimer);
    if (delayMs === 0) await this.outbound.resend();
    else this.#resendTimer = setTimeout(() => void this.outbound.resend(), delayMs);
  }

  #scheduleSync(config: PageConfig): void {
    clearTimeout(this.#syncTimer);
    if (config.syncMs === null) return;
    this.#syncTimer = setTimeout(() => void this.#finishSync(), config.syncMs);
  }

  async #finishSync(): Promise<void> {
    await this.inbound.idle();
    if (this.#offline.left > 0) {
      this.#syncTimer = setTimeout(() => void this.#finishSync(), 10);
      return;
    }
    this.inbound.isNews = true;
    this.model.set({ hasSynced: true });
    this.report();
    for (const act of this.whenSynced) act();
    if (this.#whatsNewOpensMs !== null) setTimeout(() => this.#showWhatsNew(), this.#whatsNewOpensMs);
    this.#whatsNewOpensMs = null;
  }

  #countOffline(delivered: number): void {
    if (this.#offline.left === 0) return;
    this.#offline.left = Math.max(0, this.#offline.left - delivered);
    progress.percent = Math.round(100 * (1 - this.#offline.left / this.#offline.total));
    cmd.trigger('offline_progress_update_from_bridge');
  }

  #showWhatsNew(): void {
    whatsNew.show(async () => {
      this.#device = { ...this.#device, whatsNewSeen: true };
      await this.world.store.write([{ store: 'device', put: this.#device }]);
      await this.socket.query('whats-new-seen', {});
    });
  }

  async #removed(navigate: boolean): Promise<void> {
    this.socket.stop();
    if (!navigate) return this.setState('UNPAIRED');
    cmd.trigger('logout');
    await this.#leave();
  }

  async #leave(): Promise<void> {
    await this.world.store.clear();
    // biome-ignore lint/suspicious/noDocumentCookie: it must be gone before the page leaves
    document.cookie = 'phone=; max-age=0';
    location.href = LOGOUT_URL;
  }

  /** Numbers that came late are known once nothing keeps them back. */
  async #takeFaults(faults: readonly PageFault[]): Promise<void> {
    pageFaults.list = faults.map((fault) => ({ ...fault }));
    if (hasPageFault('lookup', 'late-lid')) return;
    const writes = this.world.revealNumbers();
    if (writes.length > 0) await this.world.store.write(writes);
  }
}
