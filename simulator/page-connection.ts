import { createPublicKey, type JsonWebKeyInput, randomBytes, verify } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { Account } from './network/account.ts';
import type { DeviceLine, LinkedDevice } from './network/device.ts';
import type { LinkDesk, WaitingPage } from './network/linking.ts';
import type { Network } from './network/network.ts';
import { Rejection } from './network/rejection.ts';
import { answerQuery } from './page-queries.ts';
import { takeSend } from './page-sends.ts';
import type { Json, PageAction, PageConfig, PageFrame, Ratchet, ServerFrame } from './protocol.ts';

const ACT_MS = 2000;

/**
 * One page's line to the network. It begins anonymous, then either waits to be linked (`hello`) or proves to be a
 * device (`login`, signed challenge). A frozen line holds back whatever passes it in either direction.
 */
export class PageConnection implements DeviceLine {
  readonly #socket: WebSocket;
  readonly #network: Network;
  readonly #desk: LinkDesk;
  readonly #held: { readonly in: PageFrame[]; readonly out: ServerFrame[] } = { in: [], out: [] };
  readonly #acting = new Map<number, () => void>();
  tab = '';
  #resumed = false;
  #ratchet: Ratchet = { received: 0, sent: 0 };
  #nonce: string | undefined;
  #claimed: LinkedDevice | undefined;
  #device: LinkedDevice | undefined;
  #waiting: WaitingPage | undefined;
  #lastRid = 0;

  constructor(socket: WebSocket, network: Network, desk: LinkDesk) {
    this.#socket = socket;
    this.#network = network;
    this.#desk = desk;
    socket.on('message', (data) => this.#hear(String(data)));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#closed());
  }

  get device(): LinkedDevice | undefined {
    return this.#device;
  }
  get phone(): string | undefined {
    return this.#device?.account.name;
  }

  send(frame: ServerFrame): void {
    if (this.#device?.frozen) this.#held.out.push(frame);
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  close(): void {
    this.#socket.terminate();
  }

  /** Lets the page do something; resolves when it has heard of it, or is gone. */
  act(action: PageAction): Promise<void> {
    return this.#request((rid) => ({ type: 'act', rid, action }));
  }

  /** Tells the page which faults it has to play from now on. */
  tellFaults(): Promise<void> {
    const faults = this.#network.faults.forPage(this.phone);
    return this.#request((rid) => ({ type: 'faults', rid, faults }));
  }

  thaw(): void {
    this.#device?.thaw();
    for (const frame of this.#held.out.splice(0)) this.send(frame);
    for (const frame of this.#held.in.splice(0)) this.#receive(frame);
  }

  #request(make: (rid: number) => ServerFrame): Promise<void> {
    this.#lastRid += 1;
    const rid = this.#lastRid;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#acting.delete(rid);
        resolve();
      };
      const timer = setTimeout(done, ACT_MS);
      this.#acting.set(rid, done);
      this.send(make(rid));
    });
  }

  /** Only the simulator's own page speaks this language; whoever else calls is cut off. */
  #hear(text: string): void {
    try {
      this.#receive(JSON.parse(text) as PageFrame);
    } catch {
      this.close();
    }
  }

  #receive(frame: PageFrame) {
    if (this.#device?.frozen) {
      this.#held.in.push(frame);
      return;
    }
    switch (frame.type) {
      case 'hello':
        return this.#hello(frame);
      case 'login':
        return this.#login(frame);
      case 'proof':
        return this.#proof(frame.signature);
      case 'receipt':
        return this.#device?.receipt(frame.seqs);
      case 'retry':
        return this.#retry(frame.seqs);
      case 'send':
        return this.#send(frame);
      case 'query':
        return this.#query(frame.rid, frame.op, frame.args);
      case 'state':
        return this.#state(frame.state, frame.synced);
      case 'fault-used':
        return this.#network.faults.strike(frame.id);
      case 'missing': {
        const { missingModules } = this.#network;
        missingModules.set(frame.name, (missingModules.get(frame.name) ?? 0) + 1);
        return this.#network.changed();
      }
      case 'done':
        return this.#acting.get(frame.rid)?.();
      default:
        return frame satisfies never;
    }
  }

  #hello(frame: Extract<PageFrame, { type: 'hello' }>): void {
    this.#waiting = { keys: frame.keys, loginKey: frame.loginKey, send: (out) => this.send(out) };
    this.#desk.open(this.#waiting);
  }

  #login({ deviceId, name, tab, resumed, ratchet }: Extract<PageFrame, { type: 'login' }>) {
    const device = this.#network.findDevice(deviceId);
    const phone = device?.account.name;
    if (device && device.outageUntil > Date.now()) return this.close();
    if (!device) return this.#refuse(this.#network.directory.findByPn(deviceId.split(':')[0] ?? '')?.name);
    const fault = this.#network.faults.take('login', phone);
    if (fault?.mode === 'hang') return;
    if (fault?.mode === 'reset') return this.close();
    this.tab = tab;
    this.#resumed = resumed;
    this.#ratchet = ratchet;
    this.#claimed = device;
    device.name ??= name;
    this.#nonce = randomBytes(24).toString('base64');
    const challenge: ServerFrame = { type: 'challenge', nonce: this.#nonce };
    if (fault?.mode === 'slow') this.#network.timers.after(fault.delayMs ?? 1000, () => this.send(challenge));
    else this.send(challenge);
  }

  #refuse(phone: string | undefined): void {
    const fault = this.#network.faults.take('refusal', phone);
    const delayMs = fault?.delayMs ?? this.#network.settings.refusalMs;
    const navigate = fault?.mode !== 'state-only';
    this.#network.timers.after(delayMs, () => this.send({ type: 'removed', navigate }));
  }

  #proof(signature: string) {
    const device = this.#claimed;
    if (!device || this.#nonce === undefined) return this.close();
    const key = createPublicKey({ key: device.loginKey as JsonWebKeyInput['key'], format: 'jwk' });
    if (!verify(null, Buffer.from(this.#nonce), key, Buffer.from(signature, 'base64')))
      return this.#refuse(device.account.name);
    if (device.ratchet.isAheadOf(this.#ratchet) && !this.#acceptStale(device)) return;
    this.#device = device;
    const displaced = device.attach(this);
    // Two browsers with one device's keys: the network keeps the newer one and tells the older.
    displaced?.send({ type: 'act', rid: 0, action: { do: 'state', state: 'CONFLICT' } });
    this.#welcome(device);
    this.#network.changed();
  }

  /** An older copy of the device's profile is back. False if the server will not have it. */
  #acceptStale(device: LinkedDevice): boolean {
    const { staleProfile } = this.#network.settings;
    device.staleLogins += 1;
    if (staleProfile === 'retry') device.ratchet.breakSessions();
    if (staleProfile !== 'refuse') return true;
    this.#network.removeDevice(device);
    device.line?.send({ type: 'removed', navigate: true });
    this.#refuse(device.account.name);
    return false;
  }

  #welcome(device: LinkedDevice): void {
    const { account } = device;
    const offline = this.#resumed ? undefined : this.#network.faults.take('offline', account.name);
    const groups = this.#network.directory.groupsOf(account);
    this.send({
      type: 'welcome',
      config: this.#configFor(device, account, offline?.isNewMsg ?? null),
      me: account.peer,
      ratchet: device.ratchet.state,
      peers: this.#network.directory.peersOfGroups(groups),
      groups,
      faults: this.#network.faults.forPage(account.name),
      limits: account.limits.view(Date.now()),
    });
    device.toggleSync = false;
    if (offline?.mode === 'after-sync') {
      this.#releaseWhenSynced(device, offline.delayMs ?? 0);
      return;
    }
    this.send({ type: 'offline', count: device.queued });
    if (offline?.delayMs)
      this.#network.timers.after(offline.delayMs, () => device.line === this && device.release());
    else device.release();
  }

  #configFor(device: LinkedDevice, account: Account, offlineIsNew: boolean | null): PageConfig {
    const { settings, faults } = this.#network;
    const sync = faults.take('sync', account.name);
    const whatsNew = device.whatsNewSeen ? undefined : faults.take('whats-new', account.name);
    const logoutMs = whatsNew ? (whatsNew.delayMs ?? 300_000) : null;
    if (logoutMs !== null) {
      this.#network.timers.after(logoutMs, () => {
        if (device.whatsNewSeen || !account.devices.has(device.id)) return;
        this.#network.removeDevice(device);
        device.line?.send({ type: 'removed', navigate: true });
      });
    }
    return {
      phone: account.name,
      ids: account.ids ?? settings.ids,
      addresses: account.addresses ?? settings.addresses,
      platform: account.platform,
      syncMs: sync?.mode === 'never' ? null : sync ? (sync.delayMs ?? 0) : settings.syncMs,
      resendMs: settings.resendMs,
      toggleSync: device.toggleSync,
      offlineIsNew,
      whatsNewLogoutMs: logoutMs,
      whatsNewOpensMs: whatsNew?.opensMs ?? null,
      historyPerChat: settings.historyPerChat,
      weight: {
        heapMb: settings.pageHeapMb,
        nodes: settings.pageNodes,
        storageMb: settings.pageStorageMb,
      },
    };
  }

  #releaseWhenSynced(device: LinkedDevice, delayMs: number): void {
    const look = () => {
      if (device.line !== this) return this.#network.changes.off('changed', look);
      if (!device.synced) return undefined;
      this.#network.changes.off('changed', look);
      return this.#network.timers.after(delayMs, () => device.line === this && device.release());
    };
    this.#network.changes.on('changed', look);
  }

  #send(frame: Extract<PageFrame, { type: 'send' }>): void {
    if (!this.#device) return;
    takeSend(this.#network, this.#device, frame, (result) =>
      this.send({ type: 'sent', id: frame.message.id, result }),
    );
  }

  /** The way to the authors and back. A page that logs in anew meanwhile is given them anew, and asks again. */
  #retry(seqs: readonly number[]): void {
    const device = this.#device;
    device?.retry(seqs);
    this.#network.timers.after(
      this.#network.settings.retryMs,
      () => device?.line === this && device.redeliver(seqs),
    );
  }

  #query(rid: number, op: string, args: Record<string, Json>): void {
    const context = {
      network: this.#network,
      desk: this.#desk,
      device: this.#device,
      waiting: this.#waiting,
    };
    try {
      const value = answerQuery(context, op, args);
      if (value !== undefined) this.send({ type: 'result', rid, value });
    } catch (error) {
      const message = error instanceof Rejection ? error.message : `query failed: ${String(error)}`;
      this.send({ type: 'failed', rid, message });
    }
  }

  #state(state: string, synced: boolean): void {
    if (this.#device?.line === this) {
      this.#device.state = state;
      this.#device.synced = synced;
    }
    this.#network.changed();
  }

  #closed(): void {
    if (this.#waiting) this.#desk.close(this.#waiting);
    this.#device?.detach(this);
    for (const done of [...this.#acting.values()]) done();
    this.#network.changed();
  }
}
