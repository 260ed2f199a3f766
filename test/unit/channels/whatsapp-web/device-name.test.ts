import { expect, it } from 'vitest';
import { makeDeviceName } from '../../../../src/channels/whatsapp-web/device-name.ts';

it.each([
  [null, 'Switchboard'],
  ['  ', 'Switchboard'],
  ['Shop in Berlin', 'Switchboard (Shop in Berlin)'],
  ['x'.repeat(26), `Switchboard (${'x'.repeat(26)})`],
  ['x'.repeat(27), `Switchboard (${'x'.repeat(25)}…)`],
])('calls the device of the account %j %j', (displayName, name) => {
  expect(makeDeviceName(displayName)).toBe(name);
});

it('cuts between characters, not within one', () => {
  const name = makeDeviceName('😀'.repeat(50));
  expect([...name]).toHaveLength(40);
  expect(name.isWellFormed()).toBe(true);
});
