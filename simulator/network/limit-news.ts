import type { Account } from './account.ts';
import type { LimitsChange } from './limits.ts';
import type { Network } from './network.ts';

/** Limits the account anew, and tells its open pages, now and when a limit ends by itself. */
export function changeLimits(network: Network, account: Account, change: LimitsChange): void {
  account.limits.change(change, Date.now());
  tellLimits(network, account);
}

/** A page that is not open asks for them at its next login. */
export function tellLimits(network: Network, account: Account): void {
  const limits = account.limits.view(Date.now());
  for (const device of account.devices.values()) device.line?.send({ type: 'limits', limits });
  network.changed();
  const next = account.limits.nextChange();
  if (next === undefined) return;
  network.timers.after(Math.max(0, next - Date.now()), () => {
    // Whatever was changed meanwhile has a timer of its own.
    if (account.limits.nextChange() === next) tellLimits(network, account);
  });
}
