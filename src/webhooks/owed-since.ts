/** From when on something is owed. */
export interface OwedSince {
  readonly at: Date;
  /**
   * Which transactions had ended then, as PostgreSQL writes a snapshot: `xmin:xmax:xip,xip…`. Null where that was not kept.
   */
  readonly snapshot: string | null;
}

/** When something happened, and in which transaction, if that is known. */
export interface Happened {
  readonly at: Date;
  readonly xid?: string | null;
}

/**
 * True unless it had happened before. What was not committed then is news, whenever its transaction began. What has a later time
 * is too: in a database that was restored elsewhere transactions are numbered anew.
 */
export function isOwedSince({ at, snapshot }: OwedSince, happened: Happened): boolean {
  if (at <= happened.at) return true;
  if (snapshot === null || happened.xid === undefined || happened.xid === null) return false;
  return !hadEnded(snapshot, BigInt(happened.xid));
}

function hadEnded(snapshot: string, xid: bigint): boolean {
  const [xmin = '', xmax = '', running = ''] = snapshot.split(':');
  if (xid < BigInt(xmin)) return true;
  return xid < BigInt(xmax) && !running.split(',').includes(String(xid));
}
