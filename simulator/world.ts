import { ControlApi } from './control-api.ts';
import { LinkDesk } from './network/linking.ts';
import { Network } from './network/network.ts';
import { PageServer } from './page-server.ts';

export type WorldOptions = { readonly pagePort?: number; readonly controlPort?: number };

/** An open world: where its page and its control API are, and how Chromium is brought to take the page for real. */
export type OpenWorld = AsyncDisposable & {
  readonly pageUrl: string;
  readonly controlUrl: string;
  readonly chromeArgs: readonly string[];
};

/** Opens network, page server and control API on loopback; disposing closes them in reverse. */
export async function openWorld(options: WorldOptions = {}): Promise<OpenWorld> {
  await using stack = new AsyncDisposableStack();
  const network = new Network();
  stack.defer(() => network.timers.clear());
  stack.defer(() => network.media.clear());
  const desk = new LinkDesk(network);
  const pages = await PageServer.open(network, desk, options.pagePort ?? 0);
  stack.defer(() => pages.close());
  const api = await ControlApi.open({ network, desk, pages }, options.controlPort ?? 0);
  stack.defer(() => api.close());
  const owned = stack.move();
  return {
    pageUrl: `https://127.0.0.1:${pages.port}/`,
    controlUrl: `http://127.0.0.1:${api.port}`,
    chromeArgs: [
      `--host-resolver-rules=MAP web.whatsapp.com 127.0.0.1:${pages.port}`,
      '--ignore-certificate-errors',
    ],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
