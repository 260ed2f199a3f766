import { z } from 'zod';

/** How the world behaves while no fault is set. */
export const settingsSchema = z
  .object({
    /** The dialect of message keys for phones that choose none. */
    ids: z.enum(['_serialized', '$1']),
    /** The dialect of one-to-one addresses for phones that choose none. */
    addresses: z.enum(['phone', 'lid']),
    /** From CONNECTED to hasSynced. */
    syncMs: z.number().int().min(0),
    /** From CONNECTED to the page's sending again what was not answered; what is new leaves at once meanwhile. */
    resendMs: z.number().int().min(0),
    /** Life of a page's first QR reference, of each later one, and how many there are before UNPAIRED_IDLE. */
    qrFirstMs: z.number().int().min(1),
    qrNextMs: z.number().int().min(1),
    qrCount: z.number().int().min(1),
    /** From the network's taking a message to its arrival on the other phone. */
    deliveryMs: z.number().int().min(0),
    /** From a login of a removed device to the page's being told. */
    refusalMs: z.number().int().min(0),
    /** How many of a chat's stored messages a page loads by itself. */
    historyPerChat: z.number().int().min(0),
    /** How many of a phone's earlier messages a newly linked device is given. */
    historyOnLink: z.number().int().min(0),
    maxDevices: z.number().int().min(1),
    /**
     * What becomes of a device that logs in with an older copy of its profile. In none is a message delivered again
     * that was receipted. `retry`: what comes next cannot be read until its author has sent it again; `refuse`:
     * the device is removed.
     */
    staleProfile: z.enum(['accept', 'retry', 'refuse']),
    /** From the network's hearing that a page could not read a message to its coming again. */
    retryMs: z.number().int().min(0),
    /** What a linked page holds beyond what it needs, as the page of an account with many chats does. */
    pageHeapMb: z.number().int().min(0).max(1_000),
    pageNodes: z.number().int().min(0).max(1_000_000),
    pageStorageMb: z.number().int().min(0).max(1_000),
  })
  .strict();

export type WorldSettings = z.infer<typeof settingsSchema>;

export const DEFAULT_SETTINGS: WorldSettings = {
  ids: '_serialized',
  addresses: 'phone',
  syncMs: 600,
  resendMs: 0,
  qrFirstMs: 60_000,
  qrNextMs: 20_000,
  qrCount: 6,
  deliveryMs: 5,
  refusalMs: 300,
  historyPerChat: 10,
  historyOnLink: 0,
  maxDevices: 4,
  staleProfile: 'accept',
  retryMs: 200,
  pageHeapMb: 0,
  pageNodes: 0,
  pageStorageMb: 0,
};
