/**
 * Every deadline and interval of a session, in milliseconds. The promises to users (QR age, reconnect schedule) are
 * in the contract; the rest follows from what was measured of the page.
 */
export interface SessionTimings {
  /** From launch to the first sign of the page: a QR or a connection. */
  readonly startDeadlineMs: number;
  /** From linked or scanned to ready (fact A4). */
  readonly readyDeadlineMs: number;
  /** How long one page load may take; the library sets no limit (fact A5). */
  readonly navigationDeadlineMs: number;
  /** How long the page of a linked account may say that it is not paired and show no QR, before the link is over. */
  readonly unpairedGraceMs: number;
  /** How long a loaded page may take to show its code. */
  readonly pageCodeDeadlineMs: number;
  /** Between two looks at a page that should become ready and tells nothing new. */
  readonly levelCheckMs: number;
  /** How long a page without `hasSynced` must have been connected to be taken for synced. */
  readonly syncGraceMs: number;
  /** A QR older than this is replaced while somebody may be waiting for it (fact A6). */
  readonly qrRefreshMs: number;
  /** How long users may show a QR code at most: promised. */
  readonly qrLifetimeMs: number;
  /** Codes shown before nobody is assumed to be there; a count. */
  readonly qrCodesBeforeGivingUp: number;
  /** Pause between two probes of a connected page, and how long one may take. */
  readonly probeIntervalMs: number;
  readonly probeDeadlineMs: number;
  /** How long the page may be out of CONNECTED before the session is restarted (fact A9). */
  readonly offlineGraceMs: number;
  /** How long a browser may take to close before its process tree is killed (fact A11, fault F10). */
  readonly closeDeadlineMs: number;
  /** How long WhatsApp may take to hear of a logout before the browser is closed anyway. */
  readonly logoutDeadlineMs: number;
  /** Deadline of a light call into the page: a look-up, a number's resolution, a text. */
  readonly callDeadlineMs: number;
  /** Deadline of a heavy call: media, reading a chat back. */
  readonly heavyCallDeadlineMs: number;
  /** How long a start keeps others from starting at most; one that waits for the network needs no processor. */
  readonly launchGateMs: number;
  /** A logout this soon after the scan has a likely cause of its own (fact A8). */
  readonly freshLinkMs: number;
  /** A session that was connected this long has recovered: its reconnect attempts start again. */
  readonly stableAfterMs: number;
}

export const DEFAULT_TIMINGS: SessionTimings = {
  // A loaded host needs 10 s for ten sessions; the real page is far heavier than the measured one.
  startDeadlineMs: 90_000,
  // The real page syncs for up to a minute after a link.
  readyDeadlineMs: 90_000,
  navigationDeadlineMs: 60_000,
  pageCodeDeadlineMs: 30_000,
  // A page that has a link goes straight to OPENING; half a minute of the log-in screen is no passing state.
  unpairedGraceMs: 30_000,
  levelCheckMs: 5_000,
  syncGraceMs: 10_000,
  qrRefreshMs: 60_000,
  qrLifetimeMs: 120_000,
  // About twenty minutes.
  qrCodesBeforeGivingUp: 60,
  // A wedged page is seen within half a minute.
  probeIntervalMs: 10_000,
  probeDeadlineMs: 15_000,
  // OPENING can last for ever, but a phone's network is often gone for a minute.
  offlineGraceMs: 90_000,
  closeDeadlineMs: 8_000,
  logoutDeadlineMs: 10_000,
  callDeadlineMs: 30_000,
  heavyCallDeadlineMs: 120_000,
  launchGateMs: 20_000,
  freshLinkMs: 600_000,
  stableAfterMs: 300_000,
};

/** What puppeteer waits for one answer of the browser at most; above every deadline of ours. */
export const PROTOCOL_TIMEOUT_MS = 150_000;
