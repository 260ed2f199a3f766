import puppeteer from 'puppeteer';
import { describe, expect, it } from 'vitest';
import {
  getBrowser,
  makeLaunchOptions,
  RUN_MARK,
  RUN_VARIABLE,
} from '../../../../src/channels/whatsapp-web/browser.ts';
import { AppError } from '../../../../src/lib/errors.ts';

const SHELL = '/usr/lib/chromium/chromium-headless-shell';
const CHROME = '/usr/lib/chromium/chromium';

function there(...paths: string[]): (path: string) => boolean {
  return (path) => paths.includes(path);
}

describe('getBrowser', () => {
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
    expect(getBrowser({ headless, executablePath, extraArgs: [] }, there(...installed))).toEqual(expected);
  });

  it('names the variable and the remedy if the given browser is not there', () => {
    const find = () =>
      getBrowser({ headless: 'auto', executablePath: '/nowhere', extraArgs: [] }, there(SHELL));
    expect(find).toThrow(AppError);
    expect(find).toThrow(/PUPPETEER_EXECUTABLE_PATH.*\/nowhere/);
  });

  it('says how to install one if none is there', () => {
    const find = () => getBrowser({ headless: 'auto', executablePath: null, extraArgs: [] }, there());
    expect(find).toThrow(/apt-get install/);
  });

  it.each([
    [
      'new',
      SHELL,
      /CHROME_HEADLESS=new needs a whole Chromium.*apt-get install chromium\).*unset CHROME_HEADLESS/,
    ],
    [
      'shell',
      CHROME,
      /CHROME_HEADLESS=shell needs a headless shell.*install chromium-headless-shell\).*unset CHROME_HEADLESS/,
    ],
  ] as const)('says what mode %s lacks where only another kind is there', (headless, installed, message) => {
    const find = () => getBrowser({ headless, executablePath: null, extraArgs: [] }, there(installed));
    expect(find).toThrow(message);
  });
});

describe('makeLaunchOptions', () => {
  const deps = {
    browser: { executablePath: SHELL, headless: 'shell' as const },
    profilePath: '/live/session-1',
    accountId: '1',
    instanceId: 'test',
    extraArgs: ['--proxy-server=http://proxy'],
    environment: { HOME: '/home/me' },
    timings: { launchDeadlineMs: 4_321 },
  };
  const open = { ...deps, isRoot: false, extraArgs: ['--no-sandbox'] };

  it.each([
    ['on', { ...deps, isRoot: false }, false],
    ['off for root', { ...deps, isRoot: true }, true],
    ['off where CHROME_EXTRA_ARGS says so', open, true],
  ])('has the sandbox %s', (_title, given, isOff) => {
    expect(makeLaunchOptions(given).args?.includes('--no-sandbox')).toBe(isOff);
    expect(puppeteer.defaultArgs(makeLaunchOptions(given)).includes('--no-sandbox')).toBe(isOff);
  });

  it.each([
    '--mute-audio',
    '--disable-background-networking',
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-breakpad',
    '--disable-default-apps',
    '--disable-dev-shm-usage',
    '--disable-renderer-backgrounding',
    '--disable-sync',
    '--no-first-run',
  ])('leaves %s to the driver, which gives it once', (flag) => {
    const options = makeLaunchOptions({ ...deps, isRoot: false });
    expect(options.args).not.toContain(flag);
    expect(puppeteer.defaultArgs(options).filter((each) => each === flag)).toHaveLength(1);
  });

  it('keeps its features beside those that are asked for', () => {
    const extraArgs = ['--enable-features=Mine', '--disable-features=Yours'];
    const args = puppeteer.defaultArgs(makeLaunchOptions({ ...deps, isRoot: false, extraArgs }));
    const featuresOf = (name: string) => {
      const found = args.filter((arg) => arg.startsWith(`${name}=`));
      expect(found).toHaveLength(1);
      return found
        .join()
        .slice(name.length + 1)
        .split(',');
    };
    expect(featuresOf('--enable-features')).toContain('Mine');
    expect(featuresOf('--disable-features')).toEqual(
      expect.arrayContaining(['SpareRendererForSitePerProcess', 'AudioServiceOutOfProcess', 'Yours']),
    );
  });

  it('gives a launch its deadline', () => {
    expect(makeLaunchOptions({ ...deps, isRoot: false }).timeout).toBe(4_321);
  });

  it('marks the browser, puts the extra arguments last and leaves signals to the daemon (F32)', () => {
    const options = makeLaunchOptions({ ...deps, isRoot: false });
    expect(options.args).toContain('--switchboard-account=1');
    expect(options.args).toContain('--switchboard-instance=test');
    expect(options.args).toContain(RUN_MARK);
    expect(RUN_MARK).toBe(`--switchboard-run=${RUN_VARIABLE.SWITCHBOARD_RUN}`);
    expect(RUN_VARIABLE.SWITCHBOARD_RUN).toMatch(/^[0-9a-f-]{36}$/);
    expect(options.args?.at(-1)).toBe('--proxy-server=http://proxy');
    expect(options).toMatchObject({
      pipe: true,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    expect(options.env).toEqual({
      ...{ HOME: '/home/me', ...RUN_VARIABLE },
      BREAKPAD_DUMP_LOCATION: '/live/session-1/Crash Reports',
    });
  });
});
