import type { BrowserGuard } from '../../src/channels/whatsapp-web/guard.ts';

/** For sessions of tests, whose process nobody kills. */
export const noGuard: BrowserGuard = {
  watch: () => undefined,
  forget: () => undefined,
  withholdGoodbye: () => undefined,
};
