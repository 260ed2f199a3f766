import { z } from 'zod';
import { reactToMessage } from '../../messages/reaction.ts';
import { getVisibleAccount, getVisibleMessage } from '../account-access.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { dataOf, errorsOf, messageParams, noQuery, success } from '../envelope.ts';
import { messageSchema, messageToView } from '../message-view.ts';
import type { HttpApp } from '../typed-fastify.ts';

const EMOJI = /\p{Emoji_Presentation}|\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;
/** The longest emoji are families, whose members may each have a skin colour; UTF-16 units. */
const MAX_EMOJI = 64;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

function isEmoji(text: string): boolean {
  return text.length <= MAX_EMOJI && EMOJI.test(text) && [...graphemes.segment(text)].length === 1;
}

const body = z.strictObject({
  emoji: z
    .string()
    .refine((text) => text === '' || isEmoji(text), {
      error: 'Use one emoji, or an empty text to take the reaction back.',
    })
    .meta({
      description: 'One emoji; empty takes the reaction back.',
      maxLength: MAX_EMOJI,
      examples: ['👍', ''],
    }),
});

/** Reacting to messages. */
export function reactionRoutes(app: HttpApp, deps: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/messages/:messageId/reaction`,
    config: { permission: 'whatsapp:send' },
    schema: {
      operationId: 'reactToMessage',
      tags: ['messages'],
      summary: 'React to a message, or take the reaction back',
      description:
        'Answers once the linked phone has given it to WhatsApp. An account has one reaction to a message, the latest, ' +
        'so the request may be repeated. It counts to no limit. 409 `ACCOUNT_NOT_CONNECTED` while the account is not ' +
        'connected, `MESSAGE_NOT_REACTABLE` if the message was never sent, was deleted, or is not on the phone any more.',
      params: messageParams,
      querystring: noQuery,
      body,
      response: {
        200: dataOf(messageSchema, 'The message with the reaction.'),
        ...errorsOf(404, 409, 413, 415),
      },
    },
    handler: async (request) => {
      const { messageId } = request.params;
      const message = await getVisibleMessage(deps.db, request, messageId);
      const { account } = await getVisibleAccount(deps.db, request, message.accountId);
      await reactToMessage(deps, { account, message }, request.body.emoji);
      return success(messageToView(await getVisibleMessage(deps.db, request, messageId)));
    },
  });
}
