import { afterEach, expect, it, vi } from 'vitest';
import { readBrowserConfig } from '../../../scripts/machine-browser.ts';
import { parseConfig } from '../../../src/config/parse-config.ts';

afterEach(() => vi.unstubAllEnvs());

it.each([
  ['', '', { executablePath: null, headless: 'auto' }],
  ['/opt/chromium', 'new', { executablePath: '/opt/chromium', headless: 'new' }],
  ['bin/chromium', 'shell', { executablePath: `${process.cwd()}/bin/chromium`, headless: 'shell' }],
])('reads %j and %j as the daemon does', (executablePath, headless, expected) => {
  vi.stubEnv('PUPPETEER_EXECUTABLE_PATH', executablePath);
  vi.stubEnv('CHROME_HEADLESS', headless);
  const env = { PUPPETEER_EXECUTABLE_PATH: executablePath, CHROME_HEADLESS: headless };
  const { browser } = parseConfig(env, { cwd: process.cwd() });
  expect(readBrowserConfig()).toEqual(browser);
  expect(browser).toMatchObject(expected);
});

it('refuses a headless mode that there is not', () => {
  vi.stubEnv('CHROME_HEADLESS', 'old');
  expect(readBrowserConfig).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});
