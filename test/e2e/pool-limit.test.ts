import { expect, it } from 'vitest';
import { ApiError } from '../../scripts/daemon-api.ts';
import { startDaemon } from '../../scripts/daemon-process.ts';
import { openStage, simulatedWhatsApp } from '../support/stage.ts';

it('tells clearly when all slots are taken, and says so of an account that finds none at a start', async () => {
  await using stage = await openStage({ env: { WHATSAPP_MAX_CONNECTIONS: '2' } });
  const first = await stage.link(await stage.world.phone('first'));
  const second = await stage.link(await stage.world.phone('second'));
  const refusal = await stage.api.connect('third').catch((thrown) => thrown);
  expect(refusal).toBeInstanceOf(ApiError);
  expect(refusal).toMatchObject({ status: 503, code: 'POOL_FULL' });
  expect(await stage.api.call<unknown[]>('GET', '/accounts')).toHaveLength(2);

  await stage.daemon().stop();
  const { port } = new URL(stage.daemon().url);
  await using smaller = await startDaemon({
    env: {
      DATA_PATH: `${stage.folder}/data`,
      LOG_DIR: `${stage.folder}/logs`,
      CHROME_EXTRA_ARGS: simulatedWhatsApp(stage.simulator),
      WHATSAPP_MAX_CONNECTIONS: '1',
    },
    port: Number(port),
    ownerKey: stage.daemon().ownerKey,
  });
  expect(smaller.url).toBe(stage.daemon().url);
  await stage.api.reached(first, 'Connected');
  expect(await stage.api.account(second)).toMatchObject({
    connectionStatus: 'Disconnected',
    reason: { code: 'no_slot' },
  });
});
