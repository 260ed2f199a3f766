import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import type { SessionState } from '../../../src/accounts/state.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const TEXT = { to: '+491700000002', text: 'hello' };

let server: TestServer;
let id: AccountId;
let number = 491_700_100_000;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  number += 1;
  id = await server.makeAccount({ phoneNumber: `+${number}` });
});

function send(body: unknown, headers: Record<string, string> = {}) {
  return server.ask('POST', `/accounts/${id}/messages`, { body, headers });
}

function fieldsOf(answer: { body: AnswerBody }): string[] {
  return answer.body.error.details.map(({ field }: { field: string }) => field).toSorted();
}

async function readBack(answer: { body: AnswerBody }) {
  return (await server.ask('GET', `/messages/${answer.body.data.messageId}`)).body.data;
}

describe('a send', () => {
  it('is accepted as pending, and can be read', async () => {
    const answer = await send(TEXT);
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      success: true,
      data: { messageId: expect.stringMatching(/^[0-9a-f-]{36}$/), status: 'pending' },
    });
    expect(await readBack(answer)).toMatchObject({
      accountId: id,
      chatId: '491700000002@c.us',
      phoneNumber: '+491700000002',
      direction: 'outgoing',
      type: 'text',
      text: 'hello',
      status: 'pending',
      handedAt: null,
    });
  });

  it.each([
    ['a group', { ...TEXT, to: '12036304@g.us' }, 'text'],
    ['a hidden number', { ...TEXT, to: '998877@lid' }, 'text'],
    [
      'a location',
      { to: TEXT.to, location: { latitude: 52.5, longitude: 13.4, name: 'Berlin' } },
      'location',
    ],
    ['a contact', { to: TEXT.to, contact: { name: 'Al; ice', phoneNumber: '+491700000003' } }, 'contact'],
    ['a vCard', { to: TEXT.to, contact: { name: 'A', vcard: 'BEGIN:VCARD\nFN:A\nEND:VCARD' } }, 'contact'],
    ['a poll', { to: TEXT.to, poll: { question: 'Lunch?', options: ['Yes', 'No'] } }, 'poll'],
    ['65,536 characters', { ...TEXT, text: '😀'.repeat(65_536) }, 'text'],
    [
      'media',
      { to: TEXT.to, media: { data: PNG.toString('base64'), mimeType: 'image/png' }, caption: 'c' },
      'image',
    ],
    [
      'media as a document',
      {
        to: TEXT.to,
        media: { data: PNG.toString('base64'), mimeType: 'image/png' },
        mediaType: 'document',
        fileName: 'a.png',
      },
      'document',
    ],
  ])('may carry %s', async (_what, body, type) => {
    const answer = await send(body);
    expect(answer.body).toMatchObject({ success: true });
    expect((await readBack(answer)).type).toBe(type);
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', {}, ['text', 'to']],
    ['no body', undefined, ['body']],
    ['a wrong recipient', { ...TEXT, to: '0170' }, ['to']],
    ['fields that are not known', { ...TEXT, txt: 1, when: 2 }, ['txt', 'when']],
    ['two contents', { ...TEXT, poll: { question: 'q', options: ['a', 'b'] } }, ['poll', 'text']],
    [
      'two forms of media',
      { to: TEXT.to, mediaUrl: 'https://a.example/b', media: { mediaId: 'x' } },
      ['media', 'mediaUrl'],
    ],
    [
      'everything wrong at once',
      { to: 1, text: '', caption: 'c', onLimit: 'x', z: 0 },
      ['caption', 'onLimit', 'text', 'to', 'z'],
    ],
    ['65,537 characters', { ...TEXT, text: 'x'.repeat(65_537) }, ['text']],
    ['a caption without media', { ...TEXT, caption: 'c' }, ['caption']],
    ['media from nowhere', { to: TEXT.to, media: {} }, ['media.url']],
    [
      'media from two places',
      { to: TEXT.to, media: { url: 'https://a.example', mediaId: 'x' } },
      ['media.mediaId', 'media.url'],
    ],
    ['data without a type', { to: TEXT.to, media: { data: 'AAAA' } }, ['media.mimeType']],
    ['an address that is none', { to: TEXT.to, media: { url: 'file:///etc/passwd' } }, ['media.url']],
    [
      'data of a type that is none',
      { to: TEXT.to, media: { data: 'AAAA', mimeType: 'nonsense' } },
      ['media.mimeType'],
    ],
    ['an address inside our network', { to: TEXT.to, media: { url: 'http://127.0.0.1/x' } }, ['media.url']],
    ['the same in the flat form', { to: TEXT.to, mediaUrl: 'http://127.0.0.1/x' }, ['mediaUrl']],
    ['an unknown upload', { to: TEXT.to, media: { mediaId: 'x' } }, ['media.mediaId']],
    [
      'a place off the globe',
      { to: TEXT.to, location: { latitude: 91, longitude: '0' } },
      ['location.latitude', 'location.longitude'],
    ],
    [
      'a poll with one option',
      { to: TEXT.to, poll: { question: '', options: ['a', 5] } },
      ['poll.options.1', 'poll.question'],
    ],
    ['a contact without a number', { to: TEXT.to, contact: { name: 'A' } }, ['contact.phoneNumber']],
    [
      'an unknown kind',
      { to: TEXT.to, mediaUrl: 'https://a.example/b', mediaType: 'hologram' },
      ['mediaType'],
    ],
    ['an answer to nothing', { ...TEXT, replyTo: 'ABC' }, ['replyTo']],
  ])('is refused with every field named: %s', async (_what, body, fields) => {
    const answer = await send(body);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(fieldsOf(answer)).toEqual(fields);
  });

  it('is refused when the file is too large, inline or as a body', async () => {
    const data = Buffer.alloc(16 * 1024 * 1024 + 3).toString('base64');
    const large = await send({ to: TEXT.to, media: { data, mimeType: 'application/pdf' } });
    expect([large.status, large.body.error.code]).toEqual([413, 'TOO_LARGE']);
    const huge = await send({ ...TEXT, text: 'x'.repeat(25 * 1024 * 1024) });
    expect([huge.status, huge.body.error.code]).toEqual([413, 'TOO_LARGE']);
  });
});

describe('whether an account may send', () => {
  it.each<[SessionState, number]>([
    ['connected', 202],
    ['starting', 202],
    ['syncing', 202],
    ['reconnecting', 202],
    ['disconnected', 409],
    ['needs_human', 409],
    ['registered', 409],
  ])('follows from its state: %s', async (state, status) => {
    await server.accounts.saveState(id, { state, reason: null });
    const answer = await send(TEXT);
    expect(answer.status).toBe(status);
    if (status === 409) expect(answer.body.error.code).toBe('ACCOUNT_NOT_CONNECTED');
  });

  it('is denied to one that was never linked', async () => {
    id = await server.makeAccount();
    await server.accounts.saveState(id, { state: 'awaiting_scan', reason: null });
    expect((await send(TEXT)).body.error.code).toBe('ACCOUNT_NOT_CONNECTED');
  });
});

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': 'order-1' };

  it('answers the stored result for the same body in any order of fields', async () => {
    const first = await send({ to: TEXT.to, text: 'once' }, key);
    const second = await send({ text: 'once', to: TEXT.to }, key);
    expect(second.status).toBe(202);
    expect(second.body).toEqual(first.body);
    expect((await server.ask('GET', `/accounts/${id}/messages`)).body.count).toBe(1);
  });

  it('answers the stored result also when the account may send no more, and is free after a refusal', async () => {
    const first = await send(TEXT, key);
    await server.accounts.saveState(id, { state: 'disconnected', reason: null });
    const second = await send(TEXT, key);
    expect([second.status, second.body]).toEqual([202, first.body]);
    const other = { 'idempotency-key': 'order-2' };
    expect((await send(TEXT, other)).body.error.code).toBe('ACCOUNT_NOT_CONNECTED');
    await server.accounts.saveState(id, { state: 'connected', reason: null });
    expect((await send(TEXT, other)).status).toBe(202);
  });

  it('is refused with another body, and is free for other accounts', async () => {
    await send(TEXT, key);
    const other = await send({ ...TEXT, text: 'else' }, key);
    expect([other.status, other.body.error.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
    number += 1;
    id = await server.makeAccount({ phoneNumber: `+${number}` });
    expect((await send({ ...TEXT, text: 'else' }, key)).status).toBe(202);
  });

  it('has at most 255 characters', async () => {
    const answer = await send(TEXT, { 'idempotency-key': 'k'.repeat(256) });
    expect(fieldsOf(answer)).toEqual(['idempotency-key']);
  });
});

describe('uploads', () => {
  async function countUploads(): Promise<number> {
    const rows = await server.db.selectFrom('media_uploads').select('id').execute();
    return rows.length;
  }

  function upload(name: string, bytes: Uint8Array, fileName = 'dot.png') {
    const body = new FormData();
    body.append(name, new Blob([Uint8Array.from(bytes)], { type: 'image/png' }), fileName);
    return server.ask('POST', `/accounts/${id}/media`, { body });
  }

  it('are taken in and sent by their id, and come back as they were', async () => {
    const uploaded = await upload('file', PNG, 'mein Bild ü.png');
    expect(uploaded.status).toBe(201);
    const { mediaId } = uploaded.body.data;
    const message = await readBack(await send({ to: TEXT.to, media: { mediaId }, caption: 'look' }));
    expect(message).toMatchObject({
      type: 'image',
      mediaType: 'image',
      mimeType: 'image/png',
      fileSize: PNG.length,
      caption: 'look',
    });
    expect(message.mediaUrl).toBe(`/api/v1/whatsapp/messages/${message.messageId}/media`);
    const file = await server.ask('GET', `/${message.mediaUrl}`);
    expect(file.status).toBe(200);
    expect(Buffer.compare(file.body, PNG)).toBe(0);
    expect(Object.fromEntries(file.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(PNG.length),
      'x-content-type-options': 'nosniff',
      'content-disposition': `attachment; filename="mein Bild _.png"; filename*=UTF-8''mein%20Bild%20%C3%BC.png`,
    });
  });

  it('are refused if they are empty, misnamed, no file, or no multipart', async () => {
    expect(fieldsOf(await upload('file', new Uint8Array()))).toEqual(['file']);
    expect(fieldsOf(await upload('picture', PNG))).toEqual(['picture']);
    const json = await server.ask('POST', `/accounts/${id}/media`, { body: {} });
    expect([json.status, json.body.error.code]).toEqual([415, 'UNSUPPORTED_MEDIA']);
    const none = await server.ask('POST', `/accounts/${id}/media`, { body: new FormData() });
    expect(none.status).toBe(400);
    const words = new FormData();
    words.append('note', 'no file');
    expect(fieldsOf(await server.ask('POST', `/accounts/${id}/media`, { body: words }))).toEqual(['body']);
  });

  it.each([['file'], ['other']])('are one at a time: a second part, `%s`, is refused', async (second) => {
    const before = await countUploads();
    const body = new FormData();
    for (const name of ['file', second]) body.append(name, new Blob([Uint8Array.from(PNG)]), 'dot.png');
    const answer = await server.ask('POST', `/accounts/${id}/media`, { body });
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(fieldsOf(answer)).toEqual(['body']);
    expect(await countUploads()).toBe(before);
  });

  it('have no words beside them, before or after', async () => {
    for (const names of [
      ['note', 'file'],
      ['file', 'note'],
    ]) {
      const body = new FormData();
      for (const name of names) {
        if (name === 'note') body.append(name, 'words');
        else body.append(name, new Blob([Uint8Array.from(PNG)]), 'dot.png');
      }
      const answer = await server.ask('POST', `/accounts/${id}/media`, { body });
      expect(answer.status, names.join()).toBe(400);
      expect(fieldsOf(answer)).toEqual(['body']);
    }
  });

  it.each([
    ['before the form has ended', '--b--'],
    ['within the file', '\r\n--b--'],
  ])('that break off %s are refused', async (_where, missing) => {
    const whole = [
      '--b',
      'content-disposition: form-data; name="file"; filename="a.txt"',
      'content-type: text/plain',
      '',
      'words',
      '--b--',
    ].join('\r\n');
    const answer = await server.ask('POST', `/accounts/${id}/media`, {
      body: whole.slice(0, -missing.length),
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(fieldsOf(answer)).toEqual(['body']);
  });

  it('belong to their account', async () => {
    const { mediaId } = (await upload('file', PNG)).body.data;
    number += 1;
    id = await server.makeAccount({ phoneNumber: `+${number}` });
    expect(fieldsOf(await send({ to: TEXT.to, media: { mediaId } }))).toEqual(['media.mediaId']);
  });

  it('that are too large are refused while they still come', async () => {
    await using small = await openTestServer({
      uploads: {
        async takeUpload(_account, stream) {
          for await (const _chunk of stream) throw new AppError('TOO_LARGE');
          return { mediaId: 'never' };
        },
      },
    });
    const account = await small.makeAccount();
    const body = new FormData();
    body.append('file', new Blob([new Uint8Array(8 * 1024 * 1024)]), 'large.bin');
    const answer = await small.ask('POST', `/accounts/${account}/media`, { body });
    expect([answer.status, answer.body.error.code]).toEqual([413, 'TOO_LARGE']);
  });
});
