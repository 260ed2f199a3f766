import type { PageModel } from './page-model.ts';

/**
 * Runs in the page once a document is about to be sent to, and watches its line. What the page took while the line was
 * failing it sends again by itself when the line is back, some time after it says CONNECTED: a message that is given to it
 * before that would overtake those (fault F1). So nothing is given while the line is down; and for `outboxGraceMs` after a
 * change of its state, or from now on in a new document, a message waits for the earlier ones of its chat that the server
 * has not confirmed. Those that were given over the same line are no reason to wait: it keeps their order.
 */
export function watchLine(outboxGraceMs: number): void {
  const switchboard = window.switchboard;
  if (!switchboard) return;
  /** A message stops waiting in the page by an ack, by a refusal or by going away: looking covers them all. */
  const POLL_MS = 50;
  const { Socket } = window.require('WAWebSocketModel');
  let line = makeLine();
  Socket.on('change:state', () => {
    line = makeLine();
  });

  function makeLine() {
    return { madeAt: performance.now(), given: new Set<unknown>() };
  }

  function isYoung(): boolean {
    return performance.now() - line.madeAt < outboxGraceMs;
  }

  /** A page that tells no state counts as connected. */
  function whyDown(): string | undefined {
    const { state } = Socket;
    if (state === undefined || state === null || state === 'CONNECTED') return undefined;
    return `The page's line to WhatsApp is down (${state}).`;
  }

  function waitsInPage({ id, ack, isNotification }: PageModel): boolean {
    return id?.fromMe === true && ack === 0 && !isNotification && !line.given.has(id.id);
  }

  function isBehind(chat: PageModel, bareId: string): boolean {
    const { msgs } = chat as { msgs?: { getModelsArray?: () => PageModel[] } };
    try {
      const models = msgs?.getModelsArray?.() ?? [];
      return models.some((model) => waitsInPage(model) && model.id.id !== bareId);
    } catch {
      // A page that cannot tell what waits is no reason to refuse the message.
      return false;
    }
  }

  async function awaitTurn(chat: PageModel, bareId: string): Promise<string | undefined> {
    while (whyDown() === undefined && isYoung() && isBehind(chat, bareId))
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const reason = whyDown();
    // Later nobody asks for them.
    if (reason === undefined && isYoung()) line.given.add(bareId);
    return reason;
  }

  switchboard.line = { whyDown, awaitTurn };
}
