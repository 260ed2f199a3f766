import type { AddressDialect, BootConfig, IdDialect, PageFault } from '../protocol.ts';

declare global {
  interface Window {
    __boot: BootConfig | null;
  }
}

/** The page's way of speaking. Set from the served HTML, then by the network's welcome, before any key is made. */
export const dialect: { ids: IdDialect; addresses: AddressDialect } = {
  ids: window.__boot?.ids ?? '_serialized',
  addresses: window.__boot?.addresses ?? 'phone',
};

type HeldFault = Omit<PageFault, 'left'> & { left: number | null };

/** The faults that this page has to play, as last told by the network. */
export const pageFaults: {
  list: HeldFault[];
  used: (id: string) => void;
} = {
  list: [...(window.__boot?.faults ?? [])],
  used: () => undefined,
};

/** The first fault of that kind (and mode) that may still strike. */
export function findPageFault(kind: string, mode?: string): HeldFault | undefined {
  return pageFaults.list.find(
    (each) => each.kind === kind && (mode === undefined || each.mode === mode) && each.left !== 0,
  );
}

/** The same; takes one of its strikes. */
export function takePageFault(kind: string, mode?: string): PageFault | undefined {
  const fault = findPageFault(kind, mode);
  if (!fault) return undefined;
  if (fault.left !== null) fault.left -= 1;
  pageFaults.used(fault.id);
  return fault;
}

export function hasPageFault(kind: string, mode: string): boolean {
  return findPageFault(kind, mode) !== undefined;
}
