import { expect, it } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { openTestDatabase } from '../support/database.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { openOwnRedis } from '../support/own-redis.ts';
import { silentLog } from '../support/silent-log.ts';
import { findProcesses, openStage } from '../support/stage.ts';

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

it('works on a PostgreSQL and a Redis that are given, and rides out their restart', async () => {
  await using database = await openTestDatabase();
  await using redis = await openOwnRedis(['--maxmemory-policy', 'noeviction']);
  await using stage = await openStage({
    env: { DATABASE_URL: database.url, REDIS_URL: `redis://127.0.0.1:${redis.port}` },
  });
  expect(findProcesses(`${stage.folder}/data/postgres`)).toEqual([]);
  expect(findProcesses(`${stage.folder}/data/redis`)).toEqual([]);

  const shop = await stage.world.phone('shop');
  const alice = await stage.world.phone('alice');
  const account = { accountId: await stage.link(shop), phone: shop };
  const { ids } = await stage.world.burst({ from: ['alice'], to: shop, count: 50, text: 'before ' });
  await stage.api.send(account.accountId, { to: `+${alice.number}`, text: 'hello' });

  await alice.react(ids[0] ?? '', '👍');
  await using opened = openDatabase({ connection: { connectionString: database.url }, log: silentLog });
  const reaction = await stage.api.until('The reaction', () =>
    opened.db.selectFrom('message_reactions').select(['emoji', 'sender_id']).executeTakeFirst(),
  );
  expect(reaction).toEqual({ emoji: '👍', sender_id: alice.jid });

  await redis.kill();
  await stage.world.burst({ from: ['alice'], to: shop, count: 50, text: 'without Redis ' });
  const waiting = await stage.api.send(account.accountId, {
    to: `+${alice.number}`,
    text: 'accepted without Redis',
  });
  await redis.start();

  expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject({ ...EQUAL, carried: 102 });
  await stage.api.message(
    account.accountId,
    'the message that was accepted without Redis',
    (message) => message.messageId === waiting && message.status === 'delivered',
  );
});
