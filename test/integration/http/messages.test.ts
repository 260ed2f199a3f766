import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { messageSchema } from '../../../src/http/message-view.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { messageEvent, T0, targetOf } from '../../support/inbound-events.ts';

let server: TestServer;
let id: AccountId;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  id = await server.makeAccount();
});

function receive(...events: Parameters<typeof ingestEvents>[2]) {
  return ingestEvents(server.db, id, events, new Date(T0));
}

async function list(query = '') {
  return (await server.ask('GET', `/accounts/${id}/messages${query}`)).body;
}

async function textsOf(query: string): Promise<string[]> {
  return (await list(query)).data.map(({ text }: { text: string }) => text);
}

describe('messages', () => {
  it('show the fields of the contract, the author, and what only some types carry', async () => {
    await receive(messageEvent('A', { text: 'hi' }));
    const [message] = (await list()).data;
    expect(messageSchema.strict().parse(message)).toEqual({
      messageId: expect.any(String),
      whatsappMessageId: 'false_491700000001@c.us_A',
      accountId: id,
      chatId: '491700000001@c.us',
      phoneNumber: '+491700000001',
      direction: 'incoming',
      type: 'text',
      text: 'hi',
      author: expect.toSatisfy((author) => author === null || typeof author === 'string'),
      authorName: expect.toSatisfy((name) => name === null || typeof name === 'string'),
      location: null,
      contacts: null,
      poll: null,
      mediaUrl: null,
      mediaStatus: null,
      mediaType: null,
      mimeType: null,
      fileName: null,
      fileSize: null,
      caption: null,
      replyTo: null,
      status: 'delivered',
      failedReason: null,
      timestamp: new Date(T0).toISOString(),
      handedAt: null,
      sentAt: null,
      deliveredAt: null,
      readAt: null,
      playedAt: null,
      editedAt: null,
      revokedAt: null,
      reactions: [],
      votes: null,
      versions: [],
      recovered: false,
    });
    expect((await server.ask('GET', `/messages/${message.messageId}`)).body.data).toEqual(message);
  });

  it('carry a location, contacts and a poll', async () => {
    const location = { latitude: 1.5, longitude: 2.5, name: 'Office' };
    const contacts = [{ name: 'Ben', vcard: 'BEGIN:VCARD' }];
    const poll = { question: 'When?', options: ['now', 'later'], multipleAnswers: false };
    await receive(
      messageEvent('A', { type: 'location', location }),
      messageEvent('B', { at: T0 + 1, type: 'contact', contacts }),
      messageEvent('C', { at: T0 + 2, type: 'poll', poll }),
    );
    expect((await list()).data).toMatchObject([{ poll }, { contacts }, { location }]);
  });

  it("name what they answer by our id, or by WhatsApp's if we do not hold it", async () => {
    const quoted = (bareId: string) => ({ quoted: { bareId, text: null } });
    await receive(messageEvent('A'), messageEvent('B', { at: T0 + 1, ...quoted('A') }));
    await receive(messageEvent('C', { at: T0 + 2, ...quoted('LOST') }));
    const [c, b, a] = (await list()).data;
    expect([b.replyTo, c.replyTo]).toEqual([a.messageId, 'LOST']);
  });

  it('come newest first, in pages that stay as they are while messages come in', async () => {
    await receive(
      ...Array.from({ length: 7 }, (_, index) => messageEvent(`M${index}`, { at: T0 + (index >> 1) })),
    );
    const all = (await list()).data.map(({ messageId }: { messageId: string }) => messageId);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await list(`?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.count).toBe(page.data.length);
      seen.push(...page.data.map(({ messageId }: { messageId: string }) => messageId));
      cursor = page.nextCursor;
      await receive(messageEvent(`N${seen.length}`, { at: T0 + 1_000 + seen.length }));
    }
    expect(seen).toEqual(all);
  });

  it('can be chosen by number, chat, direction, status and time', async () => {
    const bob = { chatId: '491700000002@c.us', bareId: 'B', fromMe: true, participant: null };
    await receive(
      messageEvent('A', { text: 'a', at: T0 }),
      messageEvent('B', { text: 'b', at: T0 + 1_000, chatId: bob.chatId, key: bob, author: null, ack: 2 }),
      messageEvent('C', { ...targetOf('C'), text: 'c', at: T0 + 2_000 }),
    );
    expect(await textsOf('?phoneNumber=%2B491700000001')).toEqual(['c', 'a']);
    expect(await textsOf('?phoneNumber=+491700000002')).toEqual(['b']);
    expect(await textsOf('?chatId=491700000002@c.us')).toEqual(['b']);
    // As in `to` of a send.
    expect(await textsOf('?chatId=491700000002@s.whatsapp.net')).toEqual(['b']);
    expect(await textsOf('?direction=incoming')).toEqual(['c', 'a']);
    expect(await textsOf('?status=delivered&direction=outgoing')).toEqual(['b']);
    const at = (ms: number) => encodeURIComponent(new Date(T0 + ms).toISOString());
    expect(await textsOf(`?since=${at(1_000)}&until=${at(2_000)}`)).toEqual(['b']);
    expect(await textsOf('?since=2026-03-01T13:00:01+01:00')).toEqual(['c', 'b']);
    expect(await textsOf('?until=2026-03-01')).toEqual([]);
  });

  it('refuse conditions that are wrong, each by name', async () => {
    const query = '?phoneNumber=1&direction=up&status=gone&since=yesterday&until=2026-13-01&limit=0&sort=asc';
    const answer = await server.ask('GET', `/accounts/${id}/messages${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details.map(({ field }: { field: string }) => field).toSorted()).toEqual([
      'direction',
      'limit',
      'phoneNumber',
      'since',
      'sort',
      'status',
      'until',
    ]);
  });

  it('tell the code of what went wrong', async () => {
    const at = new Date();
    const messageId = makeMessageId(at.getTime());
    await server.db
      .insertInto('messages')
      .values({
        id: messageId,
        account_id: id,
        chat_id: '1@c.us',
        direction: 'outgoing',
        type: 'text',
        status: 'failed',
        failed_code: 'NOT_ON_WHATSAPP',
        failed_reason: 'This number is not on WhatsApp.',
        timestamp: at,
      })
      .execute();
    const { data } = (await server.ask('GET', `/messages/${messageId}`)).body;
    expect(data).toMatchObject({ status: 'failed', failedReason: 'NOT_ON_WHATSAPP' });
  });
});

describe('media of a message', () => {
  it.each(['pending', 'gone', 'failed'])('is not there while it is %s', async (status) => {
    await receive(
      messageEvent('A', { type: 'image', media: { mimeType: 'image/png', fileName: null, fileSize: 5 } }),
    );
    await server.db
      .updateTable('messages')
      .set({ media_status: status })
      .where('account_id', '=', id)
      .execute();
    const [message] = (await list()).data;
    expect(message).toMatchObject({ mediaUrl: null, mediaType: 'image', mimeType: 'image/png' });
    const answer = await server.ask('GET', `/messages/${message.messageId}/media`);
    expect([answer.status, answer.body.error.code]).toEqual([404, 'MEDIA_NOT_FOUND']);
  });

  it('is not there if the file is lost', async () => {
    await receive(
      messageEvent('A', { type: 'image', media: { mimeType: 'image/png', fileName: null, fileSize: 5 } }),
    );
    await server.db
      .updateTable('messages')
      .set({ media_status: 'stored', media_sha256: 'cd'.repeat(32) })
      .where('account_id', '=', id)
      .execute();
    const [message] = (await list()).data;
    const answer = await server.ask('GET', `/messages/${message.messageId}/media`);
    expect([answer.status, answer.body.error.code]).toEqual([404, 'MEDIA_NOT_FOUND']);
    expect(answer.headers.get('content-type')).toContain('application/json');
  });
});
