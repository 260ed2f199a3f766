/** What keeps some sessions of WhatsApp Web in browsers, each linked to a phone of its own. */
export interface Contender extends AsyncDisposable {
  readonly name: string;
  /** Its phones in the simulator's world are named so, with a running number from 0. */
  readonly phonePrefix: string;
  /** Launches one more session and links it; resolves with the milliseconds from the wish to its first QR code. */
  link(): Promise<number>;
  /** The processes from which all of its others descend. */
  readonly pids: readonly number[];
  /** What its own Node process holds in its heap after a collection; bytes. */
  readHeap(): Promise<number>;
  /** Ends all sessions but the first, links included. */
  keepOne(): Promise<void>;
  /**
   * Ends the one session that was kept, without its link, and launches it again: the milliseconds from launch to ready, and
   * the bytes on the disk that its profile takes in between.
   */
  restore(): Promise<Restored>;
}

export interface Restored {
  readonly readyMs: number;
  readonly storedBytes: number;
}
