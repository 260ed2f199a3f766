import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { toError } from './errors.ts';
import { makeNameLookup } from './name-lookup.ts';
import { isPublicAddress } from './public-address.ts';

/** Which addresses may be connected to on behalf of somebody outside. */
export interface AddressGuard {
  /** All addresses of a host name. */
  readonly resolve: (hostname: string) => Promise<readonly LookupAddress[]>;
  /** Whether an IP address may be connected to. */
  readonly isAllowed: (address: string) => boolean;
}

/** Lets nobody but the public Internet be connected to. */
export const PUBLIC_INTERNET: AddressGuard = {
  resolve: makeNameLookup(),
  isAllowed: isPublicAddress,
};

/** False for a host of a URL that is an IP address which is not allowed: Node asks no `lookup` about those. */
export function mayBeHost(hostname: string, { isAllowed }: Pick<AddressGuard, 'isAllowed'>): boolean {
  const literal = hostname.replace(/^\[|\]$/g, '');
  return isIP(literal) === 0 || isAllowed(literal);
}

/**
 * For the `lookup` of a connection: resolves the name once and passes on only addresses that are allowed, so that exactly
 * what was judged is dialled, and a name that changes its mind (DNS rebinding) gains nothing. Without any it fails as
 * `refuse` says.
 */
export function makeGuardedLookup({ resolve, isAllowed }: AddressGuard, refuse: () => Error): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (found) => {
        const allowed = found.filter(({ address }) => isAllowed(address));
        const [first] = allowed;
        if (first === undefined) callback(refuse(), []);
        else if (options.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
      (thrown: unknown) => callback(toError(thrown), []),
    );
  };
}
