/**
 * Every deadline and interval of a session, in milliseconds, with its reason. The promises to users (QR age,
 * reconnect schedule) are in the contract; the rest follows from what was measured of the page.
 */

/** From launch to the first sign of the page (a QR or a connection). A loaded host needs 10 s for ten sessions. */
export const START_DEADLINE_MS = 90_000;

/** From linked or scanned to ready: the real page syncs for up to a minute after a link (fact A4). */
export const READY_DEADLINE_MS = 90_000;

/** How long one page load may take; the library sets none (fact A5). */
export const NAVIGATION_DEADLINE_MS = 60_000;

/** How long the library waits for the page's code before it says 'auth timeout'. */
export const PAGE_CODE_DEADLINE_MS = 30_000;

/** A QR older than this is replaced while somebody may be waiting for it (fact A6). */
export const QR_REFRESH_MS = 60_000;

/** How long users may show a QR code at most: promised. */
export const QR_LIFETIME_MS = 120_000;

/** Codes shown before nobody is assumed to be there: about twenty minutes. */
export const QR_CODES_BEFORE_GIVING_UP = 60;

/** Pause between two probes of a connected page, and how long one may take: a wedged page is seen within 30 s. */
export const PROBE_INTERVAL_MS = 10_000;
export const PROBE_DEADLINE_MS = 15_000;

/** How long the page may be out of CONNECTED before the session is restarted (fact A9: OPENING may last for ever). */
export const OFFLINE_GRACE_MS = 90_000;

/** How long a browser may take to close before its process tree is killed (fact A11, fault F10). */
export const CLOSE_DEADLINE_MS = 8_000;

/** How long WhatsApp may take to hear of a logout before the browser is closed anyway. */
export const LOGOUT_DEADLINE_MS = 10_000;

/** Deadline of a light call into the page: a look-up, a number's resolution, a text. */
export const CALL_DEADLINE_MS = 30_000;

/** Deadline of a heavy call: media, reading a chat back. */
export const HEAVY_CALL_DEADLINE_MS = 120_000;

/** What puppeteer waits for one answer of the browser at most; above every deadline of ours. */
export const PROTOCOL_TIMEOUT_MS = 150_000;

/** A session that was connected this long has recovered: its reconnect attempts start again. */
export const STABLE_AFTER_MS = 300_000;
