import type { PageAction } from '../protocol.ts';
import { conn, type PageSession } from './session.ts';

/** Does to the page what the control API asks for. */
export function performAction(session: PageSession, action: PageAction) {
  switch (action.do) {
    case 'reload':
      return location.reload();
    case 'navigate':
      location.href = action.url;
      return undefined;
    case 'push-state':
      for (let i = 1; i <= action.times; i += 1) history.pushState({}, '', `/?step=${i}`);
      return undefined;
    case 'iframe':
      for (let i = 0; i < action.times; i += 1) {
        const frame = document.createElement('iframe');
        frame.src = '/app/blank.html';
        document.body.append(frame);
      }
      return undefined;
    case 'state':
      return session.setState(action.state);
    case 'null-ref':
      conn.set({ ref: null });
      return undefined;
    case 'toggle-sync':
      session.model.set({ hasSynced: false });
      session.model.set({ hasSynced: true });
      return session.report();
    case 'busy': {
      const end = performance.now() + action.ms;
      while (performance.now() < end) JSON.stringify(action);
      return undefined;
    }
    case 'hold':
      return session.inbound.hold();
    case 'show':
      return session.inbound.show();
    default:
      return action satisfies never;
  }
}
