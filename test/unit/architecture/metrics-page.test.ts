import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeMetricsPage } from '../../support/metrics-page.ts';

it('lists every metric in docs/metrics.md', async () => {
  const path = join(import.meta.dirname, '../../../docs/metrics.md');
  await expect(await makeMetricsPage()).toMatchFileSnapshot(path);
});
