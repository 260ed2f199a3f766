/** What the page keeps of WhatsApp's limits for writing to people who never wrote (fact A25). */
export interface PageLimits {
  /** Null where the page does not tell. */
  readonly capping: { readonly status: string; readonly cycleEndsAt: number | null } | null;
  /** Null where the page does not tell. */
  readonly timelock: { readonly isLocked: boolean; readonly endsAt: number | null } | null;
}

/**
 * Runs in the page, by one call from Node: reads what it was told, and asks WhatsApp for nothing. The library uses none of
 * these modules: a page without them, or with others by their names, tells nothing.
 */
export async function readLimits(): Promise<PageLimits> {
  const orNull = async <T>(read: () => Promise<T | null>): Promise<T | null> => {
    try {
      return await read();
    } catch {
      // It has no such part.
      return null;
    }
  };
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : null);

  const readCapping = async () => {
    const utils = window.require('WAWebIndividualNewChatMessageCappingLimitUtils');
    const data = (await utils.getCappingData?.()) ?? {};
    const hasData = typeof utils.getCappingData === 'function';
    const status: unknown = data.capping_status ?? (await utils.getCappingStatus?.()) ?? (hasData && 'NONE');
    if (typeof status !== 'string') return null;
    return { status, cycleEndsAt: number(data.cycle_end_timestamp) };
  };
  const readTimelock = async () => {
    const utils = window.require('WAWebReachoutTimelockUtils');
    const isLocked: unknown = await utils.isUserReachoutTimelocked?.();
    if (typeof isLocked !== 'boolean') return null;
    const key: unknown = utils.REACHOUT_TIMELOCK_IDB_KEY;
    const endsAt = await orNull(async () => {
      const { userPrefsIdb } = window.require('WAWebUserPrefsIndexedDBStorage');
      const state = await userPrefsIdb.get(typeof key === 'string' ? key : 'WAReachoutTimelockState');
      return number(state?.time_enforcement_ends);
    });
    return { isLocked, endsAt };
  };
  return { capping: await orNull(readCapping), timelock: await orNull(readTimelock) };
}
