import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { TenantId } from '../../../src/accounts/ids.ts';
import type { Principal } from '../../../src/accounts/principal.ts';
import { type RealtimeMember, RealtimeRooms } from '../../../src/http/realtime-rooms.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../support/silent-log.ts';

const OWNER: Principal = {
  kind: 'key',
  id: 'key',
  name: 'test',
  tenantId: 'default' as TenantId,
  role: 'owner',
  permissions: new Set(['whatsapp:read']),
  expiresAt: null,
};

const rooms = new RealtimeRooms({
  db: {} as never,
  clock: systemClock,
  log: silentLog,
  authenticator: { renew: async (principal: Principal) => principal } as never,
  accessChanges: { subscribe: () => () => undefined } as never,
  onMoved: () => undefined,
});

it('a connection on which clients come and go keeps nothing of those that have gone', async () => {
  const conn = new EventEmitter();
  for (let nth = 0; nth < 3; nth += 1) {
    const member = makeMember(conn);
    await rooms.admit(member, OWNER);
    (member as unknown as EventEmitter).emit('disconnect');
  }
  expect(conn.listenerCount('close')).toBe(0);
});

function makeMember(conn: EventEmitter): RealtimeMember {
  const facts = { id: 'id', rooms: new Set<string>(), join: async () => undefined, conn };
  return Object.assign(new EventEmitter(), facts) as unknown as RealtimeMember;
}
