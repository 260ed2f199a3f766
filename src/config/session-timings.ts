/**
 * Every deadline, interval and bound of a session, with its meaning and its reason. Names that end in `Ms` are
 * milliseconds, in `Bytes` bytes, others counts. docs/session-spec.md is made from this table.
 */
export const SESSION_NUMBERS = {
  launchDeadlineMs: {
    value: 30_000,
    text: 'A browser has launched.',
    why: "The driver's own default; a healthy launch takes half a second.",
  },
  startDeadlineMs: {
    value: 90_000,
    text: 'From launch to the first sign of the page, a code or a connection; there is no other limit for loading it (fact A5).',
    why: 'Ten sessions on a loaded host need 10 s; the real page is far heavier than the measured one, and a slow machine loads it for a minute.',
  },
  readyDeadlineMs: {
    value: 90_000,
    text: 'From linked or scanned to ready (fact A4).',
    why: 'The real page syncs for up to a minute after a link.',
  },
  pageLoadGraceMs: {
    value: 30_000,
    text: 'A page that has not loaded to its end this long after it began is used as it is.',
    why: 'Its parts are not asked for before, as the library does it; but one image that hangs must not keep a session from starting.',
  },
  modulesGraceMs: {
    value: 30_000,
    text: 'A connected page that lacks parts which sending and receiving need is waited for.',
    why: 'A page registers its parts one after another, on a cold cache for up to half a minute.',
  },
  hooksGraceMs: {
    value: 5_000,
    text: 'Such a page that lacks parts which reactions and votes are heard by is waited for; what comes later is listened to from then on.',
    why: 'They come with the others; a version of the page without them must not keep a session from being ready.',
  },
  unpairedGraceMs: {
    value: 30_000,
    text: 'The page of a linked account says that it is not paired and shows no code: then it counts as logged out, as if it showed one.',
    why: 'A page that has a link goes straight to OPENING; half a minute of the log-in screen is no passing state.',
  },
  levelCheckMs: {
    value: 5_000,
    text: 'Between two looks at a page that should come further and tells nothing new.',
    why: 'Soon enough for a person who waits; light for the page.',
  },
  syncGraceMs: {
    value: 10_000,
    text: 'A page that does not know `hasSynced` has been connected this long: it is taken for synced.',
    why: 'Not every version of the page has the word.',
  },
  qrRefreshMs: {
    value: 60_000,
    text: 'A code older than this is replaced while somebody may be waiting for it (fact A6).',
    why: 'Half of what users are promised.',
  },
  qrLifetimeMs: { value: 120_000, text: 'A code may be shown.', why: 'Promised to users.' },
  codeOverdueMs: {
    value: 240_000,
    text: 'No new code has come although the page was asked for one: then the session is started anew.',
    why: 'Two requests without an answer, or more: the page is stuck, and nobody can scan a code that has run out.',
  },
  loginScreenMs: {
    value: 10_000,
    text: 'From the first code on, what the page says of passkeys is its log-in screen, and no demand (fact A24).',
    why: 'The screen is drawn behind its code, on a loaded machine some seconds; a phone that scans takes as long.',
  },
  qrCodesBeforeGivingUp: {
    value: 30,
    text: 'Codes after which nobody is assumed to be there.',
    why: 'About ten minutes: WhatsApp shows one for 60 s, five for 20 s each, then waits to be asked for more.',
  },
  pairingCodeRefreshMs: {
    value: 110_000,
    text: 'A pairing code older than this is replaced while somebody may be typing it.',
    why: 'As late as users are promised: each request is a notice on the phone, and WhatsApp soon refuses more.',
  },
  pairingCodesBeforeGivingUp: {
    value: 5,
    text: 'Pairing codes after which nobody is assumed to be there.',
    why: 'About ten minutes, as with QR codes.',
  },
  linkDeadlineMs: {
    value: 1_200_000,
    text: 'A phone is to be linked, over all restarts of the browser; then the slot is free again.',
    why: 'Twice what the codes take that nobody scans: for a page that shows none, or a link that does not come about.',
  },
  passkeyDeadlineMs: {
    value: 300_000,
    text: "WhatsApp's demand for a passkey is unanswered: then the browser is closed.",
    why: 'Time to find the phone and to approve.',
  },
  looksInVain: {
    value: 3,
    text: 'Looks in a row that a page which is not connected leaves unanswered, each for as long as a probe: then it hangs.',
    why: 'A page that syncs is busy for some seconds at a time; with the pause between looks it is seen within half a minute.',
  },
  probeIntervalMs: {
    value: 10_000,
    text: 'Between two probes of a connected page.',
    why: 'A wedged page is seen within half a minute: this and two tries.',
  },
  probeDeadlineMs: {
    value: 8_000,
    text: 'One probe; it is tried twice.',
    why: 'The second try is for a daemon that itself stood still, whose timers all run out at once when it goes on.',
  },
  memoryIntervalMs: {
    value: 30_000,
    text: "Between two looks at the memory of a session's processes.",
    why: 'Reading it costs milliseconds; a leak grows over hours.',
  },
  memorySoftBytes: {
    value: 1_000 * 1024 ** 2,
    text: 'From here on a session is recycled when it is idle.',
    why: 'Others report 300 to 500 MB for a session of the real page.',
  },
  memorySettleMs: {
    value: 300_000,
    text: 'A session is connected, until what its browser takes counts as what it needs.',
    why: 'A page has loaded its chats by then; leaks grow over hours.',
  },
  memoryMarginBytes: {
    value: 200 * 1024 ** 2,
    text: 'What a session has grown by, beyond what it needs, before it is recycled.',
    why: 'One that needs more than the soft limit would be recycled at every idle minute, for nothing.',
  },
  memoryHardBytes: {
    value: 1_600 * 1024 ** 2,
    text: 'From here on a session is ended at once.',
    why: 'Others report leaks of up to 2 GB.',
  },
  freeDiskBytes: {
    value: 32 * 1024 ** 2,
    text: 'With less room where the opened profiles lie no browser is launched.',
    why: "A start writes some megabytes; on a full disk Chromium throws the page's storage away, and the link with it (fault F43).",
  },
  profileDeadlineMs: {
    value: 300_000,
    text: 'A profile is taken out of the vault, sealed, or destroyed. One that takes longer goes on, and the next attempt waits for it.',
    why: 'From the disk it is a second; 500 MB that only S3 still holds take four minutes and a half over 15 Mbit/s.',
  },
  profileEndMs: {
    value: 2_000,
    text: 'A session that is stopped while its profile is being opened waits this long for the opening to end.',
    why: 'It ends at the next piece that is read; only a disk or a database that stands still takes longer.',
  },
  snapshotIntervalMs: {
    value: 900_000,
    text: 'Between two snapshots of a running session that are sealed onto the disk; the first comes as soon as it is linked.',
    why: 'A machine that is lost costs this much of the page at most; freezing and sealing take less than a second.',
  },
  snapshotAgainMs: {
    value: 30_000,
    text: 'The first snapshot of a link is followed by another this soon.',
    why: "Chromium writes a page's local storage some seconds late.",
  },
  backupIntervalMs: {
    value: 3_600_000,
    text: 'Between two copies of a running session in PostgreSQL (and S3), while no other instance runs; another is made at each clean stop.',
    why: 'Some megabytes each: an hour of ten sessions is a small part of what their messages take.',
  },
  sharedBackupIntervalMs: {
    value: 300_000,
    text: 'The same while other instances run; whether any do is looked at this often.',
    why: 'Any of them goes on with the sessions of a machine that is lost, from their last copies.',
  },
  freezeDeadlineMs: {
    value: 2_000,
    text: 'A browser stands still while its profile is copied.',
    why: 'It takes some ten milliseconds; a probe of the page that waits meanwhile has four times as long.',
  },
  idleAfterMs: {
    value: 60_000,
    text: 'Without a message or a call: the session is idle.',
    why: 'A conversation has shorter pauses.',
  },
  lineGraceMs: {
    value: 10_000,
    text: "The page's line is down: then that is told, and its socket asked to try again at once (fault F17).",
    why: 'Most drops are over sooner, by the page alone.',
  },
  outboxGraceMs: {
    value: 10_000,
    text: "After a change of the line's state, or in a new document, a message waits for the earlier ones of its chat that the page has still to send (fault F1).",
    why: 'The page sends them again at once; what it never sends must not hold the chat.',
  },
  offlineGraceMs: {
    value: 60_000,
    text: 'The page is out of CONNECTED: then the session is restarted (fact A9).',
    why: 'OPENING can last for ever; a restart costs little and loses nothing.',
  },
  closeDeadlineMs: {
    value: 8_000,
    text: 'A browser closes; then its process tree is killed (fact A11, fault F10).',
    why: 'A healthy one takes 160 ms.',
  },
  closeUnresponsiveMs: {
    value: 2_000,
    text: 'The same, for a browser whose page has stopped to answer.',
    why: 'If only the page stands still it takes no longer than a healthy one.',
  },
  killDeadlineMs: {
    value: 5_000,
    text: 'Killed processes vanish; then we go on without them.',
    why: 'The kernel takes milliseconds, unless one hangs in a disk.',
  },
  killLookMs: {
    value: 20,
    text: 'Between two looks at whether killed processes are gone.',
    why: 'A look at all processes takes some milliseconds, as their end does.',
  },
  guardHealthyAfterMs: {
    value: 60_000,
    text: 'A guard of the browsers lived this long: its next end is a first one again.',
    why: 'One that cannot run ends at once, each time.',
  },
  guardGoodbyeMs: {
    value: 2_000,
    text: 'The guard of the browsers ends after the goodbye; then it is killed.',
    why: 'It takes some milliseconds, on a machine that is busy with a stop some more.',
  },
  eventLoopStallMs: {
    value: 1_000,
    text: "A stand-still of the daemon's event loop is worth a line in the log.",
    why: 'Heavy load makes delays of a tenth of it.',
  },
  eventLoopQuietMs: {
    value: 60_000,
    text: 'Between two such lines at least.',
    why: 'A daemon that crawls must not fill its log as well.',
  },
  eventLoopLookMs: {
    value: 1_000,
    text: 'Between two looks at how long the event loop stood still.',
    why: 'What happens between them is measured all the same.',
  },
  eventLoopResolutionMs: {
    value: 100,
    text: 'How finely stand-stills of the event loop are measured.',
    why: 'Fine enough for seconds; more wake-ups would be most of what a daemon at rest does.',
  },
  logoutDeadlineMs: {
    value: 10_000,
    text: 'WhatsApp hears of a logout; then the browser is closed anyway.',
    why: 'WhatsApp drops a device by itself that is not seen again.',
  },
  callDeadlineMs: {
    value: 30_000,
    text: 'A light call into the page: a look-up, a text.',
    why: 'A page that is busy with a sync answers in seconds.',
  },
  heavyCallDeadlineMs: {
    value: 120_000,
    text: 'A heavy call: media, reading a chat back.',
    why: '100 MB over a slow line.',
  },
  launchGateMs: {
    value: 4_000,
    text: 'A start keeps others from starting at most.',
    why: 'One that waits for the network needs no processor; a healthy start is over in two or three seconds.',
  },
  launchJitterMs: {
    value: 250,
    text: 'Those who waited at the launch gate start this much apart at most, at random.',
    why: 'Let in together they would start as one (fact A19).',
  },
  freshLinkMs: {
    value: 600_000,
    text: 'A logout this soon after the scan has a likely cause of its own (fact A8).',
    why: 'It happens after five minutes.',
  },
  stableAfterMs: {
    value: 300_000,
    text: 'A session that was connected this long has recovered: its attempts start again.',
    why: 'Promised to users.',
  },
  troubleAfterFailures: {
    value: 5,
    text: 'Failures in a row, without a connection between them, after which the account is Critical and an alert is raised.',
    why: 'Promised to users.',
  },
  flappingAfterFalls: {
    value: 5,
    text: 'Falls in a row, each within `stableAfterMs` of a connection, after which an alert is raised.',
    why: 'Each may be mended before it is announced. A few are a bad moment; five are a fault.',
  },
  writeRetryMs: {
    value: 1_000,
    text: 'A state that the database did not take is written again after this.',
    why: 'A restart of PostgreSQL takes some seconds.',
  },
  writeDeadlineMs: {
    value: 10_000,
    text: 'A write of a state that goes unanswered for this long is given up, and repeated.',
    why: 'One takes some milliseconds, on an overloaded machine a second or two. A connection whose other end has vanished is not answered for minutes, while a new one would be.',
  },
  lastWritesMs: {
    value: 2_000,
    text: 'A session that stops waits this long for its last states to be stored.',
    why: 'The daemon has 30 s for all of its stop; the next boot mends a state that is missing.',
  },
  turnsEndMs: {
    value: 12_000,
    text: 'A stop waits this long for starts and ends of sessions that are under way.',
    why: 'A logout and the close of a browser take that at most.',
  },
  copiesEndMs: {
    value: 10_000,
    text: 'A stop waits this long for copies of the sealed sessions.',
    why: 'They are on the disk by then, and the next start makes up for what is missing.',
  },
  remnantAfterMs: {
    value: 3_600_000,
    text: 'What is left of a half-made profile is removed when it is this old.',
    why: 'A younger one may be at work in ways that cannot be seen.',
  },
  orphanAfterMs: {
    value: 2_592_000_000,
    text: 'A profile of an account that is gone is removed when nothing in it has changed for this long.',
    why: 'A daemon that was given the wrong database for a while must not take all profiles for orphans.',
  },
  announceGraceMs: {
    value: 5_000,
    text: 'Trouble that is over within this is stored, but not announced.',
    why: 'A reload or a quick restart of the browser takes two or three seconds.',
  },
} as const satisfies Record<string, { value: number; text: string; why: string }>;

/** The numbers alone, as sessions take them; tests give shorter ones. */
export type SessionTimings = { readonly [Name in keyof typeof SESSION_NUMBERS]: number };

export const DEFAULT_TIMINGS = Object.fromEntries(
  Object.entries(SESSION_NUMBERS).map(([name, { value }]) => [name, value]),
) as SessionTimings;

/** What puppeteer waits for one answer of the browser at most; above every deadline of ours. */
export const PROTOCOL_TIMEOUT_MS = 150_000;
