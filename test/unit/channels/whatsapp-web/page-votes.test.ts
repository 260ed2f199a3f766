import { afterEach, expect, it, vi } from 'vitest';
import { softenLibrary } from '../../../../src/channels/whatsapp-web/page-calls.ts';
import { closeStrangePage, MsgKey, openStrangePage, Wid } from '../../../support/strange-page.ts';

afterEach(closeStrangePage);

type Callback = (module: unknown, original: (...rows: unknown[]) => unknown, ...rows: unknown[]) => unknown;

/** A page whose library is asked to hook a function; `hooked` is what it then calls in its place. */
function openPage(Msg: object = { get: () => undefined }) {
  const hooks = new Map<string, Callback>();
  const injectToFunction = ({ module }: { module: string }, callback: Callback) => {
    hooks.set(module, callback);
  };
  const opened = openStrangePage({ WAWebCollections: { Msg } }, { injectToFunction });
  softenLibrary();
  const hook = (module: string, callback: Callback) => {
    window.WWebJS.injectToFunction({ module }, callback);
    return hooks.get(module);
  };
  return { ...opened, hook };
}

const row = {
  pollUpdateParentKey: new MsgKey({ selfDir: 'out', to: new Wid('49@c.us'), id: 'P1' }),
  author: new Wid('49@c.us'),
  selectedOptionLocalIds: new Uint8Array([7, 5]),
  senderTimestampMs: 1_000,
};

it('tells votes by keys that have no text, and lets the page store them (A1)', async () => {
  const { told, hook } = openPage();
  const store = vi.fn(() => 'stored');
  const broken: Callback = () => {
    throw new Error('no such message');
  };
  const hooked = hook('WAWebAddonPollVoteTableMode', broken);
  expect(hooked?.({}, store, [row])).toBe('stored');
  expect(store).toHaveBeenCalledWith([row]);
  await Promise.resolve();
  expect(told).toMatchObject([
    { kind: 'vote', vote: { choices: [7, 5], at: 1_000, chatPhone: '49@c.us', voterPhone: '49@c.us' } },
  ]);
});

it('names options by their places in the poll, where the page has it', async () => {
  const pollOptions = [5, 6, 7].map((localId) => ({ localId }));
  const { told, hook } = openPage({ get: () => ({ pollOptions }) });
  hook('WAWebAddonPollVoteTableMode', () => undefined)?.({}, () => undefined, [row]);
  await Promise.resolve();
  expect(told).toMatchObject([{ vote: { choices: [2, 0] } }]);
});

it('leaves the library’s other hooks alone', () => {
  const { hook } = openPage();
  const other: Callback = () => 'theirs';
  expect(hook('WAWebAddonReactionTableMode', other)).toBe(other);
});
