import { expect, test } from 'vitest';
import { findCapability } from '../../../src/embedded/postgres-user.ts';

test.each([
  ['the narrow one where both are held', '000001fffeffffff', 'dac_read_search'],
  ['the wide one where a container has only that', '00000000a80425fb', 'dac_override'],
  ['none where none is held', '0000000000000000', undefined],
])('the capability handed to PostgreSQL is %s', (_, mask, capability) => {
  expect(findCapability(`Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t${mask}\n`)).toBe(capability);
});
