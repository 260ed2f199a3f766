import { makeProfileInspection } from '../channels/whatsapp-web/profile-inspection.ts';
import { addressToUrl } from '../cli/daemon-address.ts';
import { openUrlFile } from '../cli/url-file.ts';
import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import { openAccessWatch } from '../db/access-watch.ts';
import { pingDatabase } from '../db/database.ts';
import type { SealedSessions } from '../http/context.ts';
import { ensureOwnerKey } from '../http/owner-key.ts';
import { openHttpServer } from '../http/server.ts';
import type { LeaseKeeper } from '../instances/lease-keeper.ts';
import { AppError } from '../lib/errors.ts';
import { makeBoard } from '../queue/board.ts';
import { makeSharedCalls } from '../queue/rate-limit-calls.ts';
import type { VaultDeps } from '../vault/vault.ts';
import { makeVaultUpkeep } from '../vault/vault-upkeep.ts';
import type { UpkeepParts } from './upkeep.ts';

/** A store that does not answer `GET /ready` within this is as good as away. */
const READINESS_DEADLINE_MS = 2_000;

export interface ServingParts extends UpkeepParts {
  readonly vaultDeps: VaultDeps;
}

export interface Serving extends AsyncDisposable {
  readonly url: string;
}

/** There is a key to come in by before anybody can come; where to is written down once somebody listens there. */
export async function openServing(parts: ServingParts): Promise<Serving> {
  await using stack = new AsyncDisposableStack();
  const { config, edge, log, foundation, stores, leasing, messaging, sessions } = parts;
  const { instanceId, dataPath } = foundation;
  const { db, redis } = stores;
  const { pipeline } = messaging;
  await ensureOwnerKey({ db, configured: config.ownerApiKey, dataPath, instanceId });
  const accessChanges = stack.use(await openAccessWatch({ connection: stores.connection, log }));
  const http = stack.use(
    await openHttpServer(
      {
        config: config.http,
        accountDefaults: config.whatsapp,
        messageRateLimit: config.whatsapp.messageRateLimit,
        instanceId,
        db,
        channel: sessions.channel,
        outbox: pipeline.outbox,
        campaigns: pipeline.campaigns,
        uploads: pipeline.intake,
        media: messaging.media,
        vault: makeSealedSessions(parts),
        board: makeBoard(messaging.queues),
        metrics: messaging.metrics,
        onAnswered: messaging.measured.requests,
        sharedCalls: makeSharedCalls(redis),
        announcements: messaging.announcer,
        webhooks: messaging.webhooks,
        accessChanges,
        feed: messaging.feed,
        events: messaging.events,
        keyRing: foundation.keys.keyRing,
        checks: {
          database: () => pingDatabase(db, READINESS_DEADLINE_MS),
          queue: () => redis.ping(READINESS_DEADLINE_MS),
          lease: async () => requireRun(leasing.leases),
        },
        clock: edge.clock,
        log,
      },
      { signal: edge.signal },
    ),
  );
  stack.use(await openUrlFile(dataPath, addressToUrl(http.host, http.port)));

  const opened = stack.move();
  return { url: http.url, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What the API needs of sealed sessions. */
function makeSealedSessions({ foundation, vault, vaultDeps }: ServingParts): SealedSessions {
  const inspection = makeProfileInspection(foundation.runtime.path, DEFAULT_TIMINGS);
  return {
    ...makeVaultUpkeep({ ...vaultDeps, vault, inspection }),
    findNewest: (id) => vault.findNewest(id),
    wipe: (id) => vault.wipe(id),
  };
}

/** @throws AppError UNAVAILABLE while the instance may run no session */
function requireRun({ run }: Pick<LeaseKeeper, 'run'>): void {
  if (run === undefined) throw new AppError('UNAVAILABLE', { message: 'The lease of this instance lapsed.' });
}
