import { expect, it } from 'vitest';
import { LaunchGate } from '../../../../src/channels/whatsapp-web/launch-gate.ts';

const never = new AbortController().signal;

it('lets as many in as it has places, the others in their order', async () => {
  const gate = new LaunchGate(1);
  const order: string[] = [];
  const leaveFirst = await gate.enter(never);
  const second = gate.enter(never).then((leave) => {
    order.push('second');
    leave();
  });
  const third = gate.enter(never).then((leave) => {
    order.push('third');
    leave();
  });
  expect(order).toEqual([]);
  leaveFirst();
  leaveFirst();
  await Promise.all([second, third]);
  expect(order).toEqual(['second', 'third']);
});

it('keeps no place for one that went away while it waited', async () => {
  const gate = new LaunchGate(1);
  const leave = await gate.enter(never);
  const impatient = new AbortController();
  const waiting = gate.enter(impatient.signal);
  impatient.abort(new Error('no longer'));
  await expect(waiting).rejects.toThrow('no longer');
  leave();
  const leaveNext = await gate.enter(never);
  leaveNext();
});
