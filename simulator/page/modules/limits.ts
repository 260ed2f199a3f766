import type { LimitsView } from '../../protocol.ts';
import { CAPPING_KEY, TIMELOCK_KEY } from '../limits.ts';
import type { ChatModel, ContactModel } from '../models.ts';
import { defineModules } from '../registry.ts';
import type { PageSession } from '../session.ts';

type Target = { readonly chat?: ChatModel; readonly contact: ContactModel };

/**
 * The modules by which WhatsApp Web itself looks at its limits for writing to strangers. Their names, and the shape of
 * what they keep, are those that public copies of its code show; nobody here has seen them answer.
 */
export function defineLimitModules({ limits, socket }: PageSession): void {
  const fetchLimits = async () => limits.take((await socket.query('limits', {})) as unknown as LimitsView);
  const isLocked = () => limits.timelock !== undefined;
  const statusNow = () => {
    const { capping } = limits;
    const isOver = capping === undefined || Date.now() / 1000 > capping.cycle_end_timestamp;
    return isOver ? 'NONE' : capping.capping_status;
  };
  const isWarned = () => ['FIRST_WARNING', 'SECOND_WARNING'].includes(statusNow());
  const isKnown = ({ chat, contact }: Target) => !contact.wid().isUser() || chat?.getTcToken() !== undefined;
  const backend = { frontendFireAndForget: (_event: string, _details: object): void => undefined };
  limits.told = (event, details) => backend.frontendFireAndForget(event, details);

  defineModules({
    WAWebBackendApi: backend,
    WAWebUserPrefsIndexedDBStorage: {
      userPrefsIdb: {
        get: (key: string) => limits.get(key),
        set: (key: string, value: unknown) => limits.set(key, value),
        remove: (key: string) => limits.remove(key),
      },
    },
    WAWebReachoutTimelockUtils: {
      REACHOUT_TIMELOCK_IDB_KEY: TIMELOCK_KEY,
      isUserReachoutTimelocked: isLocked,
      canSendMsgWhileTimelocked: (target: Target) => !isLocked() || isKnown(target),
    },
    WAWebGetReachoutTimelockJob: { fetchReachoutTimelock: fetchLimits },
    WAWebIndividualNewChatMessageCappingLimitGatingUtils: {
      isIndividualNewChatMessageCappingEnabled: () => limits.capping !== undefined,
    },
    WAWebIndividualNewChatMessageCappingLimitUtils: {
      NEW_CHAT_MESSAGE_CAPPING_IDB_KEY: CAPPING_KEY,
      getCappingData: () => limits.capping,
      getCappingStatus: () => limits.capping?.capping_status ?? 'NONE',
      isUserCapped: () => statusNow() === 'CAPPED',
      isUserWarned: isWarned,
      getCappingWarningLevel: () => (isWarned() ? statusNow() : null),
      canSendMsgWhileCapped: isKnown,
    },
    WAWebGetNewChatMessageCappingInfoJob: { fetchOrUpdateCapStatus: fetchLimits },
  });
}
