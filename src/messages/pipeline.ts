import type { ConnectedSession } from '../channels/channel.ts';
import { type Inbound, type InboundDeps, openInbound } from './inbound.ts';
import { type Outbound, type OutboundDeps, openOutbound } from './outbound.ts';

export interface PipelineDeps extends InboundDeps, OutboundDeps {
  readonly database: InboundDeps['database'];
}

/** The way of messages in both directions, between the connected sessions and the database. */
export interface Pipeline extends Inbound, Outbound {
  /** Reads back what was missed, fetches media and sends what waits, until the signal aborts. Returns at once. */
  serve(session: ConnectedSession, connected: AbortSignal): void;
}

/** Opens the pipeline. Disposing it, once the sessions are closed, leaves what it has taken in Redis. */
export async function openPipeline(deps: PipelineDeps): Promise<Pipeline> {
  await using stack = new AsyncDisposableStack();
  const inbound = stack.use(await openInbound(deps));
  const outbound = stack.use(await openOutbound(deps));
  const opened = stack.move();
  return {
    ...inbound,
    ...outbound,
    serve(session, connected) {
      inbound.serve(session, connected);
      outbound.serve(session, connected);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
