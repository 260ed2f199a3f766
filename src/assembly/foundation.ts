import { type InstanceId, parseInstanceId } from '../accounts/ids.ts';
import { type Browser, getBrowser } from '../channels/whatsapp-web/browser.ts';
import { openRuntimeFolder, type RuntimeFolder } from '../channels/whatsapp-web/runtime-folder.ts';
import type { Config } from '../config/config.ts';
import { ensureInstanceId } from '../config/instance-id.ts';
import { ensureWritableFolder } from '../config/writable-folder.ts';
import { removeAbandonedFolders } from '../embedded/abandoned-folders.ts';
import { openDataFolder } from '../embedded/data-folder.ts';
import type { Logger } from '../lib/logger.ts';
import { type OpenKeys, openKeyRing } from './sealing.ts';

/** What a daemon has on its machine before there is a store. */
export interface Foundation extends AsyncDisposable {
  readonly browser: Browser;
  readonly dataPath: string;
  /** Where opened profiles lie. */
  readonly runtime: RuntimeFolder;
  readonly keys: OpenKeys;
  readonly instanceId: InstanceId;
}

/**
 * A machine without a browser is told so first. The data folder comes before all others: it belongs to one daemon at a time, so
 * that whoever has it is the only one who clears up, makes keys and gives the instance its name, which lie in it.
 */
export async function openFoundation(config: Config, { log }: { readonly log: Logger }): Promise<Foundation> {
  await using stack = new AsyncDisposableStack();
  const browser = getBrowser(config.browser);
  const folder = stack.use(await openDataFolder(config.dataPath));
  await removeAbandonedFolders(log);
  await ensureWritableFolder('MEDIA_PATH', config.media.path);
  await ensureWritableFolder('WHATSAPP_SESSION_PATH', config.sessionPath);
  const runtime = stack.use(
    await openRuntimeFolder({
      configured: config.runtimePath,
      dataPath: folder.path,
      maxSessions: config.whatsapp.maxConnections,
      log,
    }),
  );
  const keys = await openKeyRing(config.encryption, folder.path);
  stack.use(keys.keyRing);
  const instanceId = parseInstanceId(await ensureInstanceId(config.instanceId, folder.path));

  const opened = stack.move();
  return {
    browser,
    dataPath: folder.path,
    runtime,
    keys,
    instanceId,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
