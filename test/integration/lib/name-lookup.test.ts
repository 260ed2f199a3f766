import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNameLookup } from '../../../src/lib/name-lookup.ts';
import { openNameServer } from '../../support/name-server.ts';

const HOSTS = `# Names of this machine.
127.0.0.1\tlocalhost
::1 localhost ip6-localhost
192.0.2.7 Shop.Example shop # 192.0.2.8 not.this
nonsense broken.example
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'names-'));
  await writeFile(join(folder, 'hosts'), HOSTS);
  await writeFile(join(folder, 'resolv.conf'), 'nameserver 192.0.2.1\nsearch a.corp.example  corp.example\n');
});
afterEach(() => rm(folder, { recursive: true }));

const makeLookup = (server: string, { hosts = 'hosts', timeoutMs = 2_000 } = {}) =>
  makeNameLookup({
    hostsFile: join(folder, hosts),
    resolverFile: join(folder, 'resolv.conf'),
    servers: [server],
    timeoutMs,
  });

const ofFour = (address: string) => ({ address, family: 4 });

describe('a host name', () => {
  it('that the hosts file has is looked up nowhere else', async () => {
    await using server = await openNameServer({ 'shop.example': ['198.51.100.1'] });
    const lookUp = makeLookup(server.address);
    expect(await lookUp('shop.example')).toEqual([ofFour('192.0.2.7')]);
    expect(await lookUp('SHOP.')).toEqual([ofFour('192.0.2.7')]);
    expect(await lookUp('localhost')).toEqual([ofFour('127.0.0.1'), { address: '::1', family: 6 }]);
    expect(server.asked).toEqual([]);
  });

  it('of this machine itself needs neither a hosts file nor a name server', async () => {
    await using server = await openNameServer({});
    const lookUp = makeLookup(server.address, { hosts: 'none' });
    for (const name of ['localhost', 'app.localhost'])
      expect(await lookUp(name)).toEqual([ofFour('127.0.0.1'), { address: '::1', family: 6 }]);
    expect(server.asked).toEqual([]);
  });

  it('is asked of the name server, and beneath the domains of this network if there is none such', async () => {
    await using server = await openNameServer({
      'api.example': ['198.51.100.1', '198.51.100.2'],
      'consumer.corp.example': ['10.0.0.7'],
    });
    const lookUp = makeLookup(server.address);
    expect(await lookUp('api.example')).toEqual([ofFour('198.51.100.1'), ofFour('198.51.100.2')]);
    expect(await lookUp('consumer')).toEqual([ofFour('10.0.0.7')]);
    await expect(lookUp('none.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    // With its dot at the end it is meant as it is.
    await expect(lookUp('consumer.')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('of which its server says nothing holds no thread, and is given up', async () => {
    await using server = await openNameServer({ 'api.example': 'silent' });
    const lookUp = makeLookup(server.address, { timeoutMs: 300 });
    const looking = lookUp('api.example');
    await server.firstAsked;
    expect(process.getActiveResourcesInfo()).not.toContain('GetAddrInfoReqWrap');
    await expect(looking).rejects.toMatchObject({ code: 'ETIMEOUT' });
    expect(server.asked.filter((name) => name !== 'api.example')).toEqual([]);
  });
});
