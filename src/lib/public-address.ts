import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IPv4 networks that are not the public Internet (IANA's special-purpose registry, and multicast). */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** All that IPv6 hands out to the public Internet; loopback, link-local, mapped IPv4 and the like lie outside. */
const GLOBAL_IPV6 = ['2000::/3'];

/** Within the above: protocol assignments (Teredo too), documentation, and 6to4, which carries an IPv4 address. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const specialIpv4 = makeBlockList(SPECIAL_IPV4, 'ipv4');
const globalIpv6 = makeBlockList(GLOBAL_IPV6, 'ipv6');
const specialIpv6 = makeBlockList(SPECIAL_IPV6, 'ipv6');

/** True if the IP address belongs to the public Internet; false for anything else, also for what is no address. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !specialIpv4.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return false;
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6');
}

function makeBlockList(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
