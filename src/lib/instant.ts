/** 9999-12-31T23:59:59.999Z: what PostgreSQL, ISO 8601 and the 48 bits of a UUIDv7 all hold. */
const LATEST_MS = 253_402_300_799_999;

/**
 * The instant as whole milliseconds since the epoch, moved into the years 1970 to 9999: what a device says of its time may
 * be anything. NaN stays what it is.
 */
export function clampInstantMs(atMs: number): number {
  return Math.min(Math.max(Math.trunc(atMs), 0), LATEST_MS);
}
