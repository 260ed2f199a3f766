import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeSessionSpec } from '../../support/session-spec-page.ts';

it('is what docs/session-spec.md says (vitest -u writes it anew)', async () => {
  await expect(makeSessionSpec()).toMatchFileSnapshot(
    join(import.meta.dirname, '../../../docs/session-spec.md'),
  );
});
