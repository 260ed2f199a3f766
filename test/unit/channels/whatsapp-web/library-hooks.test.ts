import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { hookLate } from '../../../../src/channels/whatsapp-web/library-hooks.ts';
import { closeStrangePage, openStrangePage } from '../../../support/strange-page.ts';

const TARGET = { module: 'WAWebAddonReactionTableMode', function: 'reactionTableMode.bulkUpsert' };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  closeStrangePage();
});

/** A page whose library hooks the target; `hooked` hears each time that it could. */
function openPage(modules: Record<string, unknown>) {
  const hooked = vi.fn();
  openStrangePage(modules, { injectToFunction: hooked });
  hookLate();
  const callback = () => undefined;
  window.WWebJS.injectToFunction(TARGET, callback);
  return { hooked, callback };
}

const registered = () => ({ reactionTableMode: { bulkUpsert: () => undefined } });

it('hooks at once what is there, and once', () => {
  const { hooked, callback } = openPage({ [TARGET.module]: registered() });
  expect(hooked.mock.calls).toEqual([[TARGET, callback]]);
  vi.advanceTimersByTime(3_600_000);
  expect(hooked).toHaveBeenCalledTimes(1);
});

it('hooks what comes later as soon as it is there, and once', () => {
  const modules: Record<string, unknown> = {};
  const { hooked, callback } = openPage(modules);
  vi.advanceTimersByTime(600_000);
  modules[TARGET.module] = {};
  vi.advanceTimersByTime(5_000);
  expect(hooked).not.toHaveBeenCalled();
  modules[TARGET.module] = registered();
  vi.advanceTimersByTime(1_000);
  expect(hooked.mock.calls).toEqual([[TARGET, callback]]);
  vi.advanceTimersByTime(3_600_000);
  expect(hooked).toHaveBeenCalledTimes(1);
});
