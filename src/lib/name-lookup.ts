/**
 * Looks up host names without the threads by which files are read and written: the system's own way (getaddrinfo) holds one of
 * those few for as long as a name server is silent, so that whoever names such hosts would stop the disk. What the system does
 * is done here: the hosts file, DNS, and the search domains of this network; what else it can be told to ask (mDNS) is not.
 */
import { promises as dns, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { errnoOf } from './errors.ts';
import { findText } from './whole-file.ts';

/** All addresses of a host name. @throws an error with the code of node:dns, such as ENOTFOUND or ETIMEOUT */
export type LookUpName = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface NameLookupOptions {
  readonly hostsFile?: string;
  /** Names the search domains. */
  readonly resolverFile?: string;
  /** Instead of those of the system. */
  readonly servers?: readonly string[];
  /** Of the first question to a server; each is asked twice. */
  readonly timeoutMs?: number;
}

const TRIES = 2;
const TIMEOUT_MS = 2_000;

/** What RFC 6761 says of `localhost`, whoever is asked. */
const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** Codes that say that there is no such name, or that it has no address. */
const NONE = new Set<string | undefined>([dns.NOTFOUND, dns.NODATA]);

export function makeNameLookup({
  hostsFile = '/etc/hosts',
  resolverFile = '/etc/resolv.conf',
  servers,
  timeoutMs = TIMEOUT_MS,
}: NameLookupOptions = {}): LookUpName {
  return async (hostname) => {
    const isWhole = hostname.endsWith('.');
    const name = hostname.toLowerCase().replace(/\.$/, '');
    const known = findInHosts((await findText(hostsFile)) ?? '', name);
    if (known.length > 0) return known;
    if (name === 'localhost' || name.endsWith('.localhost')) return LOOPBACK;
    // A new one each time: it reads which servers there are now.
    const resolver = new dns.Resolver({ timeout: timeoutMs, tries: TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    try {
      return await resolveName(resolver, name);
    } catch (thrown) {
      if (isWhole || !isNone(thrown)) throw thrown;
      const domains = findSearchDomains((await findText(resolverFile)) ?? '');
      return await resolveBeneath(resolver, name, domains, thrown);
    }
  };
}

async function resolveBeneath(
  resolver: dns.Resolver,
  name: string,
  domains: readonly string[],
  none: unknown,
): Promise<readonly LookupAddress[]> {
  for (const domain of domains) {
    try {
      return await resolveName(resolver, `${name}.${domain}`);
    } catch (thrown) {
      if (!isNone(thrown)) throw thrown;
    }
  }
  throw none;
}

/** IPv4 first: there may be no way out by the other. */
async function resolveName(resolver: dns.Resolver, name: string): Promise<readonly LookupAddress[]> {
  const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = found.flatMap((each, nth) =>
    each.status === 'fulfilled' ? each.value.map((address) => ({ address, family: nth === 0 ? 4 : 6 })) : [],
  );
  if (addresses.length > 0) return addresses;
  const reasons = found.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  throw reasons.find((reason) => !isNone(reason)) ?? reasons[0];
}

function isNone(thrown: unknown): boolean {
  return NONE.has(errnoOf(thrown));
}

/** The addresses that a hosts file has for a name. */
function findInHosts(text: string, name: string): readonly LookupAddress[] {
  const found = new Map<string, LookupAddress>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family !== 0 && names.some((each) => each.toLowerCase() === name))
      found.set(address, { address, family });
  }
  return [...found.values()].toSorted((a, b) => a.family - b.family);
}

/** Of the last line that names some, as the system has it. */
function findSearchDomains(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const last = lines.findLast(([word]) => word === 'search' || word === 'domain');
  return last?.slice(1) ?? [];
}
