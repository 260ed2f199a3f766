import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { OpenQueues } from './producer.ts';

/** The page that shows the queues. It only shows: whoever deletes a job there would lose messages. */
export interface QueueBoard {
  /** The path under which the plugin will be registered; call it before. */
  setBasePath(path: string): void;
  /** A Fastify plugin, to be registered within a scope that checks who asks, under the same prefix. */
  plugin(): unknown;
}

export function makeBoard(queues: OpenQueues): QueueBoard {
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: queues.all.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Switchboard' } },
  });
  return {
    setBasePath: (path) => void adapter.setBasePath(path),
    plugin: () => adapter.registerPlugin(),
  };
}
