/** In characters. Phones cut a longer one. */
const MAX_LENGTH = 40;

/** What the phone shows among its linked devices: Switchboard, and what the user calls the account. */
export function makeDeviceName(displayName: string | null): string {
  const name = displayName?.trim() ?? '';
  if (name === '') return 'Switchboard';
  const letters = [...`Switchboard (${name})`];
  return letters.length <= MAX_LENGTH ? letters.join('') : `${letters.slice(0, MAX_LENGTH - 2).join('')}…)`;
}
