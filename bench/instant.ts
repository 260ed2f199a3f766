/** Milliseconds since the epoch, finer than one: it can be compared between processes of one machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
