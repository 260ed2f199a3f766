import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeErrorsPage } from '../../support/errors-page.ts';

it('docs/errors.md is what the catalogue says (vitest -u writes it anew)', async () => {
  await expect(makeErrorsPage()).toMatchFileSnapshot(join(import.meta.dirname, '../../../docs/errors.md'));
});
