/**
 * Runs in the page once its modules are there: tells the socket's state now and at each change. The level matters
 * as much as the edge, since the page may have synced before anyone listened (facts A4, F26); `hasSynced` going
 * false is no readiness (F2). A page that has no such level counts as synced when it has been connected for
 * `syncGraceMs`. When the QR's refs are used up the page is asked for new ones (A6, F24). False if injection did not
 * begin in this document.
 */
export function watchSocket(syncGraceMs: number): boolean {
  const switchboard = window.switchboard;
  if (!switchboard?.injected) return false;
  const { Socket } = window.require('WAWebSocketModel');
  let sawEdge = false;
  let connectedAt: number | undefined;

  function hasIdentity(): boolean {
    try {
      const me = window.require('WAWebUserPrefsMeUser');
      return Boolean(me.getMaybeMePnUser?.() ?? me.getMaybeMeLidUser?.());
    } catch {
      return false;
    }
  }

  function hasSynced(): boolean {
    if (Socket.hasSynced !== undefined) return Boolean(Socket.hasSynced);
    return sawEdge || (connectedAt !== undefined && performance.now() - connectedAt >= syncGraceMs);
  }

  function report(): void {
    const state = String(Socket.state);
    connectedAt = state === 'CONNECTED' ? (connectedAt ?? performance.now()) : undefined;
    switchboard?.tell({ kind: 'socket', state, hasSynced: hasSynced(), hasIdentity: hasIdentity() });
    // New references would be a new start, which takes back a pairing code that is shown.
    if (state !== 'UNPAIRED_IDLE' || switchboard?.linksByCode) return;
    try {
      window.require('WAWebCmd').Cmd.refreshQR();
    } catch {
      // The session asks again when the QR is old.
    }
  }

  switchboard.report = report;
  Socket.on('change:state', report);
  Socket.on('change:hasSynced', (_socket: unknown, synced: unknown) => {
    sawEdge = synced !== false;
    report();
  });
  report();
  return true;
}
