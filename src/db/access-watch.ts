import { type NotificationOptions, openNotificationListener } from './notification-listener.ts';

/** What the triggers of keys and grants notify on. */
const CHANNEL = 'switchboard_access';

/** Takes the id of the principal of whom something changed; null if it may be anybody. Returns at once, never throws. */
export type AccessHandler = (principalId: string | null) => void;

/** Tells of changes of keys and grants, whichever instance made them, right after their commit. */
export interface AccessChanges {
  /** Calls the handler for every change from now on; the returned function ends that. */
  subscribe(handler: AccessHandler): () => void;
}

/** Listens for them until it is disposed. */
export async function openAccessWatch(
  options: Pick<NotificationOptions, 'connection' | 'log'>,
): Promise<AccessChanges & AsyncDisposable> {
  const handlers = new Set<AccessHandler>();
  const tell = (principalId: string | null) => {
    for (const handler of handlers) handler(principalId);
  };
  const listener = await openNotificationListener({
    ...options,
    channel: CHANNEL,
    onNotification: tell,
    onResumed: () => tell(null),
  });
  return {
    subscribe(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}
