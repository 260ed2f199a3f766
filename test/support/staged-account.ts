import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { FaultSpec, Phone } from '../../simulator/client.ts';
import type { AccountId } from '../../src/accounts/ids.ts';
import { findUntold } from './operator-view.ts';
import type { PoolStage, StateChange } from './pool-stage.ts';

/** An account of a stage, the phone that it is linked with, and another phone that writes to it. */
export class StagedAccount {
  readonly id: AccountId;
  readonly phone: Phone;
  readonly #stage: PoolStage;
  readonly #peer: Phone;

  constructor(stage: PoolStage, parties: { id: AccountId; phone: Phone; peer: Phone }) {
    this.id = parties.id;
    this.phone = parties.phone;
    this.#stage = stage;
    this.#peer = parties.peer;
  }

  /** Sets a fault for its phone's pages alone. */
  set(spec: FaultSpec) {
    return this.#stage.world.faults.set({ ...spec, phone: this.phone.name });
  }

  /** Ends of a life of its browser. A line that was down for a moment is none. */
  falls(): StateChange[] {
    return this.#stage
      .of(this.id)
      .states.filter(({ state, attempt }) => state === 'reconnecting' && attempt !== undefined);
  }

  /** How many QR codes were shown. */
  codes(): number {
    return this.#stage.of(this.id).qrs.filter(Boolean).length;
  }

  /** One message goes in, told once. */
  async receives(text: string): Promise<void> {
    await this.#peer.send(this.phone, text);
    await this.#stage.received(this.id, text);
    expect(this.#stage.messages(this.id).filter((each) => each.text === text)).toHaveLength(1);
  }

  /** One message goes out over the `nth` connection. */
  async sends(text: string, nth: number): Promise<void> {
    const session = await this.#stage.connected(this.id, nth);
    const prepared = await session.prepareSend(this.#peer.jid);
    await session.send(prepared, { kind: 'text', text }, {});
    await this.#stage.world.waitFor({ message: { text, from: this.phone.name } });
  }

  /** The `nth` connection is there and carries messages both ways. */
  async comesBack(nth = 2): Promise<void> {
    await this.#stage.connected(this.id, nth);
    await this.receives(`in after ${nth}`);
    await this.sends(`out after ${nth}`, nth);
  }

  /** Processes of the browser whose command line has the text. */
  processes(text: string): number[] {
    return this.#stage.browsers(this.id).filter((pid) => commandLineOf(pid).includes(text));
  }

  /** Its browsers, of which there should be one, without their helpers. */
  roots(): number[] {
    return this.#stage.browsers(this.id).filter((pid) => !commandLineOf(pid).includes('--type='));
  }

  /** Disconnects it; what it left, or an operator was not told, fails the test. */
  async endsWell(): Promise<void> {
    await this.#stage.world.faults.clear();
    await this.#stage.pool.disconnect(this.id);
    expect(this.#stage.browsers(this.id)).toEqual([]);
    expect(this.#stage.hasProfile(this.id)).toBe(false);
    expect(findUntold(this.#stage, this.id)).toEqual([]);
  }
}

function commandLineOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
}
