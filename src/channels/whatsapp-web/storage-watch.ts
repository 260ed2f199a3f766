/**
 * Runs in the page after the bridge, before any script of its own: tells when the browser closes a connection to
 * IndexedDB under the page. It closes all of the origin at the first write that the disk refuses, and for good: the
 * page stays connected and answers, but can neither take nor send a message any more, also when there is room again
 * (fault F43). A connection that the page closes itself raises no such event.
 */
export function watchStorage(): void {
  const { switchboard } = window;
  if (!switchboard) return;
  const { open } = IDBFactory.prototype;
  IDBFactory.prototype.open = function openWatched(...args) {
    const request = open.apply(this, args);
    request.addEventListener('success', () => {
      request.result.addEventListener('close', () => switchboard.tell({ kind: 'storage-closed' }));
    });
    return request;
  };
}
