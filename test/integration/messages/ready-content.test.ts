import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import { openMedia } from '../../support/local-media.ts';
import {
  ALICE,
  BOB,
  FILE,
  openSenderDatabase,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';

let database: SenderDatabase;
let stage: SenderStage;

beforeAll(async () => {
  database = await openSenderDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  stage = await SenderStage.open(database.db);
});
afterEach(() => stage[Symbol.asyncDispose]());

describe('sending', () => {
  it('sends media, location, contact and poll, and quotes the message that is answered', async () => {
    const first = await stage.accept('first');
    await stage.accept('', {
      content: {
        kind: 'media',
        source: { from: 'upload', mediaId: 'm' },
        caption: 'c',
        fileName: null,
        as: null,
      },
      replyTo: first,
    });
    await stage.accept('', { content: { kind: 'location', latitude: 1, longitude: 2 } });
    await stage.accept('', { content: { kind: 'contact', name: 'Bob', vcard: 'V' } });
    await stage.accept('', {
      content: { kind: 'poll', question: '?', options: ['a', 'b'], multipleAnswers: false },
    });
    stage.connect();
    await stage.settled();
    expect(stage.network.carried.map(({ content }) => content)).toEqual([
      { kind: 'text', text: 'first' },
      {
        kind: 'media',
        path: '/media/ab',
        mimeType: 'image/png',
        fileName: 'a.png',
        caption: 'c',
        as: 'image',
      },
      { kind: 'location', latitude: 1, longitude: 2 },
      { kind: 'contact', name: 'Bob', vcard: 'V' },
      { kind: 'poll', question: '?', options: ['a', 'b'], multipleAnswers: false },
    ]);
    expect(stage.network.carried[1]?.quoted?.bareId).toBe(stage.network.carried[0]?.bareId);
  });

  it('claims no message before its file is at hand, and keeps its chat in order meanwhile', async () => {
    stage.openFile = async () => {
      throw new AppError('MEDIA_STORAGE_FAILED');
    };
    await stage.accept('', { content: FILE });
    await stage.accept('2');
    await stage.accept('3', { to: BOB });
    stage.connect();
    await stage.settled();
    expect(stage.network.carried.map(({ content }) => 'text' in content && content.text)).toEqual(['3']);
    expect(await stage.rows()).toMatchObject([{ status: 'pending', handed_at: null }, {}, {}]);
    stage.openFile = openMedia;
    await stage.pass(1_000);
    expect(stage.network.textsOf(ALICE)).toEqual(['media', '2']);
  });

  it('fails a message whose file is no more, and goes on', async () => {
    stage.openFile = async () => {
      throw new AppError('MEDIA_NOT_FOUND');
    };
    await stage.accept('', { content: FILE });
    await stage.accept('2');
    stage.connect();
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['2']);
    expect(await stage.rows()).toMatchObject([
      { status: 'failed', failed_code: 'MEDIA_NOT_FOUND', handed_at: null },
      { status: 'sent' },
    ]);
  });

  it('keeps a file for as long as it is being sent, and no longer', async () => {
    const done: string[] = [];
    stage.openFile = async (sha256) => ({
      path: `/media/${sha256}`,
      async [Symbol.asyncDispose]() {
        done.push('given back');
      },
    });
    await stage.accept('', { content: FILE });
    stage.connect({ onSent: () => void done.push('sent') });
    await stage.settled();
    expect(done).toEqual(['sent', 'given back']);
  });
});
