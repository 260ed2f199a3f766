import type { Page } from 'puppeteer';
import { expect, it } from 'vitest';
import { PageInjection } from '../../../../src/channels/whatsapp-web/page-injection.ts';

const NEWS = { kind: 'socket', state: 'OPENING', hasSynced: false, hasIdentity: false } as const;

/** An injection into a document that was injected before; `looks` counts what the page was asked. */
function makeInjection() {
  let looks = 0;
  const page = {
    evaluate: async () => {
      looks += 1;
      return false;
    },
  } as unknown as Page;
  const injection = new PageInjection(page, Object.create(null), {
    timings: {
      pageLoadGraceMs: 1,
      modulesGraceMs: 1,
      hooksGraceMs: 1,
      syncGraceMs: 1,
      outboxGraceMs: 1,
    },
    deviceName: 'Switchboard',
    onDocument: () => undefined,
    onReady: () => undefined,
    onLost: () => undefined,
    onFailure: (error) => {
      throw error;
    },
  });
  return { injection, looks: () => looks };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

it('looks at the page after each news, at whatever moment of a run that comes', async () => {
  for (let moment = 0; moment < 20; moment += 1) {
    const { injection, looks } = makeInjection();
    injection.navigated();
    for (let passed = 0; passed < moment; passed += 1) await undefined;
    const before = looks();
    injection.heard(NEWS);
    await settled();
    expect([moment, looks()]).toEqual([moment, before + 1]);
  }
});

it('looks at nothing before the page has been at its address: what is there then is no page of WhatsApp', async () => {
  const { injection, looks } = makeInjection();
  await injection.checkLevel();
  await settled();
  expect(looks()).toBe(1);
  injection.navigated();
  await settled();
  await injection.checkLevel();
  await settled();
  expect(looks()).toBe(4);
});
