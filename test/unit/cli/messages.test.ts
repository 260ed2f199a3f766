import { expect, it } from 'vitest';
import type { MessageView } from '../../../src/cli/api-views.ts';
import { describeMessages } from '../../../src/cli/commands/messages.ts';

const HI: MessageView = {
  messageId: '1',
  direction: 'incoming',
  chatId: '491700000001@c.us',
  phoneNumber: '+491700000001',
  type: 'text',
  text: 'hi',
  caption: null,
  status: 'delivered',
  failedReason: null,
  reactions: [],
  votes: null,
  timestamp: '2026-03-01T12:00:00.000Z',
};

const at = '2026-03-01T12:00:01.000Z';
const reaction = (emoji: string) => ({ senderId: '491700000001@c.us', emoji, at });

it('shows a message without reactions as it is', () => {
  expect(describeMessages([HI])).toMatch(/hi\n$/);
});

it('shows each emoji once, behind the text', () => {
  const reactions = ['👍', '🎉', '👍'].map(reaction);
  expect(describeMessages([{ ...HI, reactions }])).toContain('hi  👍 2  🎉');
});

it('lets no emoji of a stranger move the cursor', () => {
  expect(describeMessages([{ ...HI, reactions: [reaction('👍\u001b[2J')] }])).toContain('hi  👍[2J');
});

it('shows how many chose each option of a poll', () => {
  const votes = [['Pea', 'Leek'], ['Pea'], []].map((options) => ({ voterId: 'x', options, at }));
  expect(describeMessages([{ ...HI, type: 'poll', text: 'Soup?', votes }])).toContain(
    '[poll] Soup?  Pea: 2  Leek: 1\n',
  );
});
