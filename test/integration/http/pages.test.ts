import puppeteer, { type Browser, type Page } from 'puppeteer';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findMachineBrowser } from '../../../scripts/machine-browser.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await openTestServer();
  browser = await puppeteer.launch({ ...findMachineBrowser(), args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

/** Opens a page that writes down what the policy keeps it from. */
async function openWatched(): Promise<{ readonly page: Page; readonly refused: string[] }> {
  const page = await browser.newPage();
  const refused: string[] = [];
  page.on('console', (line) => {
    if (/Content Security Policy/i.test(line.text())) refused.push(line.text());
  });
  return { page, refused };
}

it('the page of the document works under its policy', async () => {
  const { page, refused } = await openWatched();
  await page.goto(`${server.url}/docs`);
  await page.waitForSelector('.opblock-summary');
  expect(refused).toEqual([]);
});

it('the queue board works under its policy; only the fonts of another host are kept away', async () => {
  const { page, refused } = await openWatched();
  await page.authenticate({ username: 'owner', password: server.key });
  await page.goto(`${server.url}/admin/queues`);
  await page.waitForFunction(() => document.querySelector('#root')?.textContent?.includes('inbound-test'));
  expect(refused.filter((line) => !line.includes('fonts.googleapis.com'))).toEqual([]);
});
