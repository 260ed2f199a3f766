/**
 * Every deadline, interval and bound of a session; milliseconds where nothing else is said. Tests give shorter ones.
 */
export interface SessionTimings {
  /** How long a browser may take to launch. */
  readonly launchDeadlineMs: number;
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
  /** How long WhatsApp's demand for a passkey may stay unanswered before the browser is closed. */
  readonly passkeyDeadlineMs: number;
  /** Pause between two probes of a connected page, and how long one may take; it is tried twice. */
  readonly probeIntervalMs: number;
  readonly probeDeadlineMs: number;
  /** Pause between two looks at the memory of a session's processes. */
  readonly memoryIntervalMs: number;
  /** From this many bytes on a session is recycled when idle, from the second at once. */
  readonly memorySoftBytes: number;
  readonly memoryHardBytes: number;
  /** Without a message or a call for this long, a session is idle. */
  readonly idleAfterMs: number;
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
  /** Trouble that is over within this is stored, but not announced. */
  readonly announceGraceMs: number;
  /** At most this much, at random, between two launches of a restore. */
  readonly launchJitterMs: number;
}

export const DEFAULT_TIMINGS: SessionTimings = {
  // The driver's own default; a healthy launch takes half a second.
  launchDeadlineMs: 30_000,
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
  // About ten minutes: WhatsApp shows one for 60 s, five for 20 s each, then waits to be asked for more.
  qrCodesBeforeGivingUp: 30,
  // Time to find the phone and to approve.
  passkeyDeadlineMs: 300_000,
  // A wedged page is seen within half a minute: 10 s and two tries of 8 s. The second try is for a daemon that itself
  // stood still, whose timers all run out at once when it goes on.
  probeIntervalMs: 10_000,
  probeDeadlineMs: 8_000,
  // Reading it costs milliseconds; a leak grows over hours.
  memoryIntervalMs: 30_000,
  // Others report 300 to 500 MB for a browser session of the real page, and leaks of up to 2 GB.
  memorySoftBytes: 1_000 * 1024 ** 2,
  memoryHardBytes: 1_600 * 1024 ** 2,
  idleAfterMs: 60_000,
  // OPENING can last for ever, but a phone's network is often gone for a minute.
  offlineGraceMs: 90_000,
  closeDeadlineMs: 8_000,
  logoutDeadlineMs: 10_000,
  callDeadlineMs: 30_000,
  heavyCallDeadlineMs: 120_000,
  // A healthy start is over in two or three seconds.
  launchGateMs: 10_000,
  freshLinkMs: 600_000,
  // Promised.
  stableAfterMs: 300_000,
  // A reload or a quick restart of the browser takes two or three seconds.
  announceGraceMs: 5_000,
  launchJitterMs: 250,
};

/** What puppeteer waits for one answer of the browser at most; above every deadline of ours. */
export const PROTOCOL_TIMEOUT_MS = 150_000;
