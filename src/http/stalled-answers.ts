import type { Server, ServerResponse } from 'node:http';
import type { Logger } from '../lib/logger.ts';

/**
 * For so long a client may take nothing of an answer that waits for it, in milliseconds. What the system keeps for a connection
 * counts as taken, and is refilled by the megabyte: a slow reader may seem to stand still.
 */
export const STALLED_MS = 120_000;

/**
 * Cuts off clients who do not read their answers, which would hold socket and memory for ever. Progress counts, however slow; an
 * answer that has nothing to hand over yet is not held against its client. Until that is seen it may take twice as long. Call it
 * before the server listens.
 */
export function cutStalledAnswers(server: Server, ms: number, log: Logger): void {
  server.on('request', (_request, response: ServerResponse) => {
    // Node.js calls only where nothing moved either way, and takes bytes of a write that is under way for movement.
    response.setTimeout(ms, () => {
      const { socket } = response;
      if (socket === null) return;
      if (socket.writableLength === 0) {
        socket.setTimeout(ms);
        return;
      }
      socket.destroy();
      log.warn('A client was cut off that did not read its answer', {
        requestId: response.getHeader('x-request-id'),
        afterMs: ms,
      });
    });
  });
}
