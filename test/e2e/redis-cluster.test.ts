import { expect, it } from 'vitest';
import { settleWithTruth } from '../support/ground-truth.ts';
import { openRedisCluster } from '../support/redis-cluster.ts';
import { openStage } from '../support/stage.ts';

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

it.each([
  { how: 'until it is back', replicas: false },
  { how: 'with the replica that takes over', replicas: true },
])(
  'works on a Redis Cluster and rides out the death of the master that holds its keys, $how',
  async ({ replicas }) => {
    await using cluster = await openRedisCluster({ replicas });
    await using stage = await openStage({ env: { REDIS_URL: cluster.urls.join(',') } });
    const shop = await stage.world.phone('shop');
    const alice = await stage.world.phone('alice');
    const account = { accountId: await stage.link(shop), phone: shop };
    const to = `+${alice.number}`;
    await stage.world.burst({ from: ['alice'], to: shop, count: 50, text: 'before ' });
    await stage.api.send(account.accountId, { to, text: 'before' });

    const owner = await cluster.ownerOf('{switchboard}');
    await owner.kill();
    await stage.world.burst({ from: ['alice'], to: shop, count: 50, text: 'without it ' });
    const waiting = await stage.api.send(account.accountId, { to, text: 'accepted without it' });
    if (replicas) await cluster.takenOver('{switchboard}', owner);
    else await owner.start();

    expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject({ ...EQUAL, carried: 102 });
    await stage.api.message(
      account.accountId,
      'the message that was accepted without it',
      (message) => message.messageId === waiting && message.status === 'delivered',
    );
  },
);
