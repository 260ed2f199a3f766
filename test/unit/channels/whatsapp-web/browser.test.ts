import { describe, expect, it } from 'vitest';
import { findBrowser, makeLaunchOptions } from '../../../../src/channels/whatsapp-web/browser.ts';
import { AppError } from '../../../../src/lib/errors.ts';

const SHELL = '/usr/lib/chromium/chromium-headless-shell';
const CHROME = '/usr/lib/chromium/chromium';

function there(...paths: string[]): (path: string) => boolean {
  return (path) => paths.includes(path);
}

describe('findBrowser', () => {
  it.each([
    ['auto', null, [SHELL, CHROME], { executablePath: SHELL, headless: 'shell' }],
    ['auto', null, [CHROME], { executablePath: CHROME, headless: true }],
    ['new', null, [SHELL, CHROME], { executablePath: CHROME, headless: true }],
    ['shell', null, [SHELL, CHROME], { executablePath: SHELL, headless: 'shell' }],
    ['auto', '/opt/wrapper', ['/opt/wrapper', SHELL], { executablePath: '/opt/wrapper', headless: true }],
    ['shell', '/opt/wrapper', ['/opt/wrapper'], { executablePath: '/opt/wrapper', headless: 'shell' }],
    [
      'auto',
      '/opt/chrome-headless-shell',
      ['/opt/chrome-headless-shell'],
      {
        executablePath: '/opt/chrome-headless-shell',
        headless: 'shell',
      },
    ],
  ] as const)('mode %s, given %s, installed %j', (headless, executablePath, installed, expected) => {
    expect(findBrowser({ headless, executablePath, extraArgs: [] }, there(...installed))).toEqual(expected);
  });

  it('names the variable and the remedy if the given browser is not there', () => {
    const find = () =>
      findBrowser({ headless: 'auto', executablePath: '/nowhere', extraArgs: [] }, there(SHELL));
    expect(find).toThrow(AppError);
    expect(find).toThrow(/PUPPETEER_EXECUTABLE_PATH.*\/nowhere/);
  });

  it('says how to install one if none is there', () => {
    const find = () => findBrowser({ headless: 'auto', executablePath: null, extraArgs: [] }, there());
    expect(find).toThrow(/apt-get install/);
  });
});

describe('makeLaunchOptions', () => {
  const deps = {
    browser: { executablePath: SHELL, headless: 'shell' as const },
    profilePath: '/live/session-1',
    accountId: '1',
    extraArgs: ['--proxy-server=http://proxy'],
    environment: { HOME: '/home/me' },
  };

  it('drops the sandbox for root alone', () => {
    expect(makeLaunchOptions({ ...deps, isRoot: true }).args).toContain('--no-sandbox');
    expect(makeLaunchOptions({ ...deps, isRoot: false }).args).not.toContain('--no-sandbox');
  });

  it('marks the browser, puts the extra arguments last and leaves signals to the daemon (F32)', () => {
    const options = makeLaunchOptions({ ...deps, isRoot: false });
    expect(options.args).toContain('--switchboard-account=1');
    expect(options.args?.at(-1)).toBe('--proxy-server=http://proxy');
    expect(options).toMatchObject({
      pipe: true,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    expect(options.env).toEqual({ HOME: '/home/me' });
  });
});
