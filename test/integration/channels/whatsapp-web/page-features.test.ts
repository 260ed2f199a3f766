import { readdir } from 'node:fs/promises';
import puppeteer, { type Browser, type Page } from 'puppeteer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findMachineBrowser } from '../../../../scripts/machine-browser.ts';
import { type Simulator, startSimulator } from '../../../../simulator/client.ts';
import { makeLaunchOptions } from '../../../../src/channels/whatsapp-web/browser.ts';
import { listProcessesOf, listTree } from '../../../support/process-tree.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

let simulator: Simulator;
let folder: TemporaryFolder;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  simulator = await startSimulator();
});

beforeEach(async () => {
  folder = await openTemporaryFolder();
  const options = makeLaunchOptions({
    browser: findMachineBrowser(),
    profilePath: `${folder.path}/profile`,
    accountId: '1',
    instanceId: 'test',
    extraArgs: simulator.chromeArgs,
    isRoot: process.getuid?.() === 0,
    environment: { ...process.env, HOME: folder.path, XDG_CONFIG_HOME: undefined },
    timings: { launchDeadlineMs: 30_000 },
  });
  browser = await puppeteer.launch(options);
  page = (await browser.pages())[0] ?? (await browser.newPage());
  await page.goto('https://web.whatsapp.com/app/blank.html');
});

afterEach(async () => {
  await browser.close();
  await folder[Symbol.asyncDispose]();
});

afterAll(async () => {
  await simulator[Symbol.asyncDispose]();
});

/** What the page of WhatsApp does, or may do one day, and a browser that saves memory might not. */
const FEATURES: Readonly<Record<string, () => Promise<unknown> | unknown>> = {
  'runs WebAssembly': () =>
    // An empty module: its magic number and version.
    WebAssembly.instantiate(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)).then(
      ({ module }) => module !== undefined,
    ),
  'keeps a key that cannot be exported': async () => {
    const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt']);
    return !key.extractable;
  },
  'has a worker': () =>
    new Promise((resolve) => {
      const url = URL.createObjectURL(new Blob(['postMessage(true)'], { type: 'text/javascript' }));
      new Worker(url).onmessage = ({ data }) => resolve(data);
    }),
  'has a shared worker': () =>
    new Promise((resolve) => {
      const code = 'onconnect = ({ ports: [port] }) => port.postMessage(true)';
      const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
      new SharedWorker(url).port.onmessage = ({ data }) => resolve(data);
    }),
  'may register a service worker': () => 'serviceWorker' in navigator && isSecureContext,
  'locks across tabs': () => navigator.locks.request('lock', () => true),
  'makes an image smaller on a canvas': async () => {
    const canvas = new OffscreenCanvas(64, 64);
    canvas.getContext('2d')?.fillRect(0, 0, 64, 64);
    const image = await createImageBitmap(await canvas.convertToBlob({ type: 'image/png' }));
    const small = document.createElement('canvas');
    small.getContext('2d')?.drawImage(image, 0, 0, 8, 8);
    return small.toDataURL('image/jpeg').startsWith('data:image/jpeg');
  },
  'shows an image': async () => {
    const image = new Image();
    image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
    await image.decode();
    return image.naturalWidth === 1;
  },
  'reads a sound': async () => {
    const header = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';
    const bytes = Uint8Array.from(atob(header), (letter) => letter.charCodeAt(0));
    return await new OfflineAudioContext(1, 1, 44_100).decodeAudioData(bytes.buffer).then(
      () => true,
      // There is not one sample in it.
      ({ name }) => name === 'EncodingError',
    );
  },
  'lays out and paints frames': () =>
    new Promise((resolve) => void requestAnimationFrame(() => requestAnimationFrame(() => resolve(true)))),
};

describe('the browser of a session', () => {
  it.each(Object.entries(FEATURES))('%s', async (_title, use) => {
    expect(await page.evaluate(use)).toBe(true);
  });

  it('has no process for graphics or sound, also when the page makes one', async () => {
    await page.evaluate(async () => {
      const sounds = new AudioContext();
      const source = sounds.createOscillator();
      source.connect(sounds.destination);
      const ended = new Promise((resolve) => source.addEventListener('ended', resolve));
      source.start();
      source.stop(0.1);
      await ended;
    });
    const tree = listTree(browser.process()?.pid ?? 0);
    expect(tree.some(({ commandLine }) => commandLine.includes('--type=renderer'))).toBe(true);
    const parted = /--type=gpu-process|--utility-sub-type=audio/;
    expect(tree.filter(({ commandLine }) => parted.test(commandLine))).toEqual([]);
  });

  it('writes of a page that crashes in its profile alone, and has no process that does not name it', async () => {
    const started = listProcessesOf([`HOME=${folder.path}`]);
    const tree = listTree(browser.process()?.pid ?? 0).map(({ pid }) => pid);
    const apart = started.filter(({ pid }) => !tree.includes(pid));
    expect(apart.filter(({ commandLine }) => !commandLine.includes(`${folder.path}/profile/`))).toEqual([]);
    const crash = new Promise((resolve) => page.once('error', resolve));
    page.goto('chrome://crash').catch(() => undefined);
    await crash;
    const written = await readdir(folder.path, { recursive: true });
    const dumps = written.filter((path) => path.endsWith('.dmp'));
    expect(dumps.filter((path) => !path.startsWith('profile/Crash Reports/'))).toEqual([]);
  });
});
