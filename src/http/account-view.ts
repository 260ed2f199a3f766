import { z } from 'zod';
import type { Account } from '../accounts/account.ts';
import { accountToHealth, usagePercentage } from '../accounts/health.ts';
import { REASONS, type ReasonCode } from '../accounts/reason.ts';
import { SESSION_STATES, type SessionState, stateToConnectionStatus } from '../accounts/state.ts';
import type { SessionStatus } from '../channels/channel.ts';
import type { AccountToday } from '../db/account-directory.ts';

const instant = z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC.' });

export const connectionStatusSchema = z.enum([
  'Connecting',
  'Connected',
  'Reconnecting',
  'Disconnected',
  'Failed',
]);

const accountShape = {
  id: z.string().meta({ format: 'uuid' }),
  channel: z.string().meta({ examples: ['whatsapp-web'] }),
  phoneNumber: z
    .string()
    .nullable()
    .meta({
      description: 'The linked number, else the one named at creation; E.164.',
      examples: ['+491700000001'],
    }),
  displayName: z
    .string()
    .nullable()
    .meta({ examples: ['Front desk'] }),
  connectionStatus: connectionStatusSchema.meta({
    description: 'Derived from `state`.',
    examples: ['Connected'],
  }),
  state: z
    .enum(Object.keys(SESSION_STATES) as [SessionState, ...SessionState[]])
    .meta({ description: 'The finer state of the session.', examples: ['connected'] }),
  reason: z
    .object({
      code: z.enum(Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]]),
      text: z.string(),
      userAction: z.string().nullable().meta({ description: 'What a person should do; null if nothing.' }),
    })
    .nullable()
    .meta({ description: 'Why the account is not connected.', examples: [null] }),
  since: instant.meta({ description: 'Since when it is in this state.' }),
  healthStatus: z.enum(['Healthy', 'Warning', 'Critical']),
  messagesSentToday: z
    .int()
    .meta({ description: "On today's date in the account's time zone.", examples: [12] }),
  messagesReceivedToday: z.int().meta({ examples: [31] }),
  dailyLimit: z.int().meta({ examples: [1_000] }),
  timezone: z.string().meta({ examples: ['Europe/Berlin'] }),
  lastConnectedAt: instant.nullable(),
  lastDisconnectedAt: instant.nullable().meta({ examples: [null] }),
  isActive: z.boolean().meta({ description: 'A mark for the operator; it does not stop the session.' }),
  createdAt: instant,
};

export const accountSchema = z.object(accountShape).meta({ id: 'Account' });

export const singleAccountSchema = z
  .object({
    ...accountShape,
    isConnected: z.boolean(),
    _count: z.object({
      messages: z.int(),
      contacts: z.int().meta({ description: 'People whom the phone knows.' }),
      campaigns: z.int(),
    }),
  })
  .meta({ id: 'SingleAccount' });

export const accountHealthSchema = z
  .object({
    ...accountShape,
    usagePercentage: z.number().meta({ description: 'Use of the daily limit, in percent.', examples: [1.2] }),
    isClientActive: z
      .boolean()
      .meta({ description: 'The session runs, on whichever instance, and is connected.' }),
    clientInfo: z
      .object({ wid: z.object({ user: z.string(), server: z.string() }), pushname: z.string() })
      .nullable()
      .meta({ examples: [{ wid: { user: '491700000001', server: 'c.us' }, pushname: 'Shop' }] }),
    lastError: z
      .string()
      .nullable()
      .meta({ examples: [null] }),
    reconnect: z
      .object({
        attempt: z.int(),
        nextAt: instant.nullable().meta({
          description: 'Null while the attempt is running, and where another instance counts the attempts.',
        }),
      })
      .nullable()
      .meta({ examples: [null] }),
  })
  .meta({ id: 'AccountHealth' });

export type AccountView = z.output<typeof accountSchema>;

/** A reason as users read it. */
export function reasonToView(reason: ReasonCode | null): AccountView['reason'] {
  if (reason === null) return null;
  const { text, userAction } = REASONS[reason];
  return { code: reason, text, userAction };
}

/** The account as the API shows it. `status` is what the channel of this instance knows, if it holds the session. */
export function accountToView(
  { account, sentToday, receivedToday, told }: AccountToday,
  status: SessionStatus | undefined,
): AccountView {
  const { state, dailyLimit, reason } = account;
  return {
    id: account.id,
    channel: account.channel,
    phoneNumber: account.phoneNumber,
    displayName: account.displayName,
    connectionStatus: stateToConnectionStatus(state),
    state,
    reason: reasonToView(reason),
    since: account.since.toISOString(),
    // Whose attempts another instance counts, that instance judges.
    healthStatus:
      account.isHeld && state === 'reconnecting' && status === undefined
        ? told.health
        : accountToHealth({ state, sentToday, dailyLimit, failures: status?.reconnect?.failures ?? 0 }),
    messagesSentToday: sentToday,
    messagesReceivedToday: receivedToday,
    dailyLimit,
    timezone: account.timezone,
    lastConnectedAt: account.lastConnectedAt?.toISOString() ?? null,
    lastDisconnectedAt: account.lastDisconnectedAt?.toISOString() ?? null,
    isActive: account.isActive,
    createdAt: account.createdAt.toISOString(),
  };
}

/** The account with what the health route adds. What another instance knows of its session is read from its row. */
export function accountToHealthView(
  today: AccountToday,
  { status: local, attempt }: { readonly status: SessionStatus | undefined; readonly attempt: number | null },
): z.output<typeof accountHealthSchema> {
  const { account, sentToday } = today;
  const status = local ?? findStatusElsewhere(account, attempt);
  const reconnect = status?.reconnect ?? null;
  return {
    ...accountToView(today, local),
    usagePercentage: usagePercentage({ sentToday, dailyLimit: account.dailyLimit }),
    isClientActive: status?.isClientActive ?? false,
    clientInfo: status?.clientInfo ?? null,
    lastError: status?.lastError ?? account.lastError,
    reconnect:
      reconnect === null
        ? null
        : {
            attempt: reconnect.attempt,
            nextAt: reconnect.nextAt === null ? null : new Date(reconnect.nextAt).toISOString(),
          },
  };
}

type StatusElsewhere = Omit<SessionStatus, 'reconnect'> & {
  readonly reconnect: Pick<NonNullable<SessionStatus['reconnect']>, 'attempt' | 'nextAt'> | null;
};

/** What the row of an account says of a session that another instance runs; undefined if none does. */
function findStatusElsewhere(
  { isHeld, state, wid, profileName, lastError }: Account,
  attempt: number | null,
): StatusElsewhere | undefined {
  if (!isHeld) return undefined;
  const isClientActive = state === 'connected';
  const [user, server] = wid?.split('@') ?? [];
  const isKnown = isClientActive && user !== undefined && server !== undefined;
  return {
    isClientActive,
    clientInfo: isKnown ? { wid: { user, server }, pushname: profileName ?? '' } : null,
    lastError,
    // When it is tried next is known where it is.
    reconnect: state === 'reconnecting' && attempt !== null ? { attempt, nextAt: null } : null,
  };
}
