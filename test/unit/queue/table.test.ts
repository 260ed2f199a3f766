import { expect, it } from 'vitest';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import { QUEUE_NAMES, queueNameOf } from '../../../src/queue/table.ts';

const instance = parseInstanceId('host-1');

it('names queues after the instance', () => {
  expect(queueNameOf('inbound', instance)).toBe('inbound-host-1');
  expect(queueNameOf('outbound', instance)).toBe('outbound-host-1');
});

it('gives every queue a name that BullMQ takes', () => {
  const names = QUEUE_NAMES.map((name) => queueNameOf(name, instance));
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).not.toContain(':');
});
