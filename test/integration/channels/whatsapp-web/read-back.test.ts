import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../../../simulator/client.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import type { ConnectedSession } from '../../../../src/channels/channel.ts';
import type { ReadMessage } from '../../../../src/messages/inbound-event.ts';
import { PoolStage } from '../../../support/pool-stage.ts';

describe.each([
  { ids: '_serialized', addresses: 'phone' },
  { ids: '$1', addresses: 'lid' },
] as const)(
  'what a page has beside its messages, ids $ids, addresses $addresses (A1, A14, A16)',
  (dialect) => {
    let stage: PoolStage;
    let shop: Phone;
    let alice: Phone;
    let accountId: AccountId;
    let session: ConnectedSession;
    let documents = 1;

    beforeAll(async () => {
      stage = await PoolStage.open();
      // Of a document's chats nothing lies in memory at first.
      await stage.world.settings({ ...dialect, historyPerChat: 0 });
      shop = await stage.world.phone('shop');
      alice = await stage.world.phone('alice');
      accountId = await stage.link(shop);
      session = await stage.connected(accountId);
    });

    afterAll(async () => {
      const missing = await stage.world.missingModules();
      await stage[Symbol.asyncDispose]();
      expect(missing).toEqual([]);
    });

    async function reload(): Promise<void> {
      documents += 1;
      await shop.page({ do: 'reload' });
      session = await stage.connected(accountId, documents);
    }

    /** The message as the page gives it when its chat is read back. */
    async function readBack(bareId: string): Promise<ReadMessage | undefined> {
      for (const { pageChatId } of await session.listChats()) {
        const places = await session.readChat(pageChatId, { offset: 0, limit: 50 });
        const found = places.find(({ key }) => key.bareId === bareId);
        if (found?.kind === 'message') return found;
      }
      return undefined;
    }

    /** The latest that was told live of reactions to a message, or of votes in it. */
    const told = <K extends 'reaction' | 'vote' | 'ack'>(kind: K, bareId: string, count = 1) =>
      stage.until(`${kind} ${count} of ${bareId}`, () => {
        const all = stage
          .of(accountId)
          .events.filter((each) => each.kind === kind && each.key.bareId === bareId);
        return all.length >= count ? all.at(-1) : undefined;
      });

    async function send(text: string): Promise<string> {
      const { id } = await alice.send(shop, text);
      await stage.received(accountId, text);
      return id;
    }

    it('gives a vote with what was chosen and the time that it was told with', async () => {
      const poll = await alice.sendPoll(shop, {
        name: 'When?',
        options: ['now', 'soon', 'later'],
        multiple: true,
      });
      await stage.until('the poll', () =>
        stage.messages(accountId).find(({ key }) => key.bareId === poll.id),
      );
      await alice.vote(poll.id, ['now', 'later']);
      const live = await told('vote', poll.id);
      expect(live).toMatchObject({ voterId: alice.jid, choices: [0, 2] });
      expect((await readBack(poll.id))?.votes).toEqual([live]);
      await reload();
      expect((await readBack(poll.id))?.votes).toEqual([live]);
      await alice.vote(poll.id, []);
      const last = await told('vote', poll.id, 2);
      expect((await readBack(poll.id))?.votes).toEqual([{ ...live, choices: [], at: last.at }]);
    });

    it('gives a reaction with the time that it was told with', async () => {
      const id = await send('react to me');
      await alice.react(id, '👍');
      const live = await told('reaction', id);
      expect(live).toMatchObject({ senderId: alice.jid, emoji: '👍' });
      expect(Math.abs(live.at - Date.now())).toBeLessThan(60_000);
      expect((await readBack(id))?.reactions).toEqual([live]);
    });

    it('gives a reaction to a message that lay in its store alone, which it does not mark', async () => {
      const id = await send('react to me later');
      await reload();
      await alice.react(id, '🎉');
      const live = await told('reaction', id);
      expect((await readBack(id))?.reactions).toEqual([live]);
    });

    it('gives no reaction that was taken back, though the message stays marked', async () => {
      const id = await send('think again');
      await alice.react(id, '👍');
      await told('reaction', id);
      await alice.react(id, '');
      await told('reaction', id, 2);
      expect((await readBack(id))?.reactions).toEqual([]);
      await reload();
      expect((await readBack(id))?.reactions).toEqual([]);
    });

    it('tells that an incoming message was seen on the phone', async () => {
      const { id } = await alice.send(shop, 'look');
      await stage.received(accountId, 'look');
      await shop.read(alice);
      const [message] = stage.messages(accountId).filter(({ key }) => key.bareId === id);
      expect(await told('ack', id)).toMatchObject({ ack: 3, key: message?.key, chatId: message?.chatId });
    });

    it.each([
      [-2, 'EXPIRED'],
      [-4, 'CONTENT_TOO_BIG'],
      [-5, 'CONTENT_UNUPLOADABLE'],
    ])('gives a message that failed with ack %i as refused, and why (A15)', async (ack, reason) => {
      const prepared = await session.prepareSend(alice.jid);
      const { key } = await session.send(prepared, { kind: 'text', text: `fails with ${ack}` }, {});
      await stage.world.waitFor({ ack: 2, id: key.bareId });
      await stage.world.ack({ id: key.bareId, ack });
      await stage.until(`a refusal for ${reason}`, () =>
        stage
          .of(accountId)
          .events.find((each) => each.kind === 'ack' && each.ack === -1 && each.reason === reason),
      );
      expect(await session.findMessage(prepared)).toMatchObject({ ack: -1, reason });
      expect(await readBack(key.bareId)).toMatchObject({ ack: -1, ackReason: reason });
    });

    it('gives a file of a kind that is not known', async () => {
      const data = Buffer.from('a picture');
      const { id } = await alice.sendMedia(shop, {
        kind: 'product',
        data,
        mimetype: 'image/jpeg',
        caption: 'it',
      });
      const message = await stage.until('the product', () =>
        stage.messages(accountId).find(({ key }) => key.bareId === id),
      );
      const file = { mimeType: 'image/jpeg', fileName: null, fileSize: data.length };
      expect(message).toMatchObject({ type: 'other', nativeType: 'product', caption: 'it', media: file });
      expect(await session.downloadMedia(message.key)).toMatchObject({ status: 'bytes' });
    });

    it('says which contact is the account itself', async () => {
      await shop.saveContact(shop, 'Myself');
      await shop.saveContact(alice, 'Alice');
      await stage.world.waitFor({ drained: 'shop' });
      const listed = async () => {
        const contacts = await session.readContacts({ after: null, limit: 100 });
        return contacts.map(({ name, isMe }) => [name, isMe]).sort();
      };
      await expect.poll(listed).toEqual([
        ['Alice', false],
        ['Myself', true],
      ]);
    });
  },
);
