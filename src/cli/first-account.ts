import { DEFAULT_TENANT, type InstanceId, makeAccountId } from '../accounts/ids.ts';
import type { Channel } from '../channels/channel.ts';
import type { Config } from '../config/config.ts';
import { hasAccounts, insertAccount } from '../db/account-directory.ts';
import type { Executor } from '../db/database.ts';

export interface WelcomeDeps {
  readonly defaults: Pick<Config['whatsapp'], 'dailyLimit' | 'timezone'>;
  readonly db: Executor;
  readonly channel: Channel;
  readonly instanceId: InstanceId;
  readonly isTerminal: boolean;
  write(text: string): void;
}

const HOW_TO_LINK = `
There is no account yet. Link one with

    npm run cli -- link "My business"

`;

const SCAN = `
There is no account yet, so one is being made. Its QR code appears here as soon as WhatsApp Web has loaded.
`;

/**
 * Helps a newcomer to a first account: where a person sits at the terminal one is made, and its QR code is drawn
 * there like any other; elsewhere the command is printed. Does nothing once there is an account.
 */
export async function welcome(deps: WelcomeDeps): Promise<void> {
  const { db, channel, instanceId, defaults } = deps;
  if (await hasAccounts(db)) return;
  if (!deps.isTerminal) {
    deps.write(HOW_TO_LINK);
    return;
  }
  deps.write(SCAN);
  const id = makeAccountId();
  await insertAccount(db, {
    id,
    tenantId: DEFAULT_TENANT,
    instanceId,
    expectedPhoneNumber: null,
    displayName: 'My business',
    dailyLimit: defaults.dailyLimit,
    timezone: defaults.timezone,
  });
  await channel.start(id);
}
