import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { BareProcess } from '../integration/simulator/bare-process.ts';
import { Profile } from '../integration/simulator/driven-client.ts';
import { openTestDatabase } from '../support/database.ts';
import { countedSeries } from '../support/metric-series.ts';
import { MoodyBrowser } from '../support/moody-browser.ts';
import { PROMISED_MS, untilFound } from '../support/patient-look.ts';
import { listBrowsers, listTree } from '../support/process-tree.ts';
import { RealtimeClient } from '../support/realtime-client.ts';
import { quantile } from '../support/recovery-times.ts';
import { scaled } from '../support/scale.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { type StoredEvent, StoredHistory } from '../support/stored-history.ts';
import { openTemporaryFolder } from '../support/temporary-folder.ts';

/** Promised: a page that stands still is seen by then; a browser that died is replaced by then. */
const WEDGE_SEEN_MS = 30_000;
const BACK_MS = 5_000;
/** Promised: the pauses before the attempts, and how exactly they are kept. */
const PAUSES_S = [0, 1, 2, 4, 8, 16, 30, 30].slice(0, scaled(5, 8));
const EXACTNESS = 0.2;
/** Failed lives in a row after which the account is in trouble. */
const FAILURES = 5;

const KILLS = scaled(3, 10);

const stack = new AsyncDisposableStack();
let stage: Stage;
let browser: MoodyBrowser;
let history: StoredHistory;
let accountId: string;

beforeAll(async () => {
  const folder = stack.use(await openTemporaryFolder()).path;
  const database = stack.use(await openTestDatabase());
  history = stack.use(new StoredHistory(database.url));
  browser = await MoodyBrowser.write(folder);
  stage = stack.use(
    await openStage({ env: { DATABASE_URL: database.url, PUPPETEER_EXECUTABLE_PATH: browser.path } }),
  );
  accountId = await stage.link(await stage.world.phone('shop'));
  // A fresh link is sealed again after half a minute, and its browser stands still for it and goes on: not one that is back.
  await stage.daemon().stop();
  await stage.start();
});
afterAll(() => stack.disposeAsync());

beforeEach(async () => {
  await stage.api.reached(accountId, 'Connected');
});

const browserOf = () => {
  const [found] = listBrowsers(`${stage.folder}/data/live/session-${accountId} `);
  if (found === undefined) throw new Error('The account has no browser.');
  return found.pid;
};

/** The first entry of the history since then that fits. */
const stored = (what: string, at: number, fits: (event: StoredEvent) => boolean) =>
  stage.api.until(what, async () => (await history.since(accountId, at)).find(fits));

const isFall = ({ state, attempt }: StoredEvent) => state === 'reconnecting' && attempt !== null;

const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;

it('sees within 30 s that a page stands still, and brings it back (F9)', async () => {
  const renderers = listTree(browserOf()).filter(({ commandLine }) =>
    commandLine.includes('--type=renderer'),
  );
  for (const { pid } of renderers) process.kill(pid, 'SIGSTOP');
  const stoppedAt = Date.now();
  const fall = await stored('The fall', stoppedAt, isFall);
  expect(fall.reason).toBe('page_unresponsive');
  const back = await stored('The return', fall.at, ({ state }) => state === 'connected');
  console.log(
    `a page that stands still: seen after ${seconds(fall.at - stoppedAt)}, back after ${seconds(back.at - stoppedAt)}`,
  );
  expect(fall.at - stoppedAt).toBeLessThanOrEqual(WEDGE_SEEN_MS);
});

/** How long the library alone takes from nothing to ready, on a profile that is linked. */
async function measureBareStart(profile: Profile): Promise<number> {
  await using bare = new BareProcess(stage.simulator, profile);
  // The process is up.
  await bare.call({ do: 'evaluate', expression: '0' });
  const startedAt = performance.now();
  await bare.ready();
  const tookMs = performance.now() - startedAt;
  await bare.call({ do: 'destroy' });
  return tookMs;
}

async function linkBare(profile: Profile, phone: Phone): Promise<void> {
  await using bare = new BareProcess(stage.simulator, profile);
  await bare.link(phone);
  await bare.call({ do: 'destroy' });
}

it('tells at once that a browser died, and is back as soon as a browser can be (A10, F7)', async () => {
  await using profile = await Profile.open();
  await linkBare(profile, await stage.world.phone('bare'));
  const times: Record<'fall' | 'launch' | 'back' | 'bare', number[]> = {
    fall: [],
    launch: [],
    back: [],
    bare: [],
  };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const pid = browserOf();
    const killedAt = Date.now();
    process.kill(pid, 'SIGKILL');
    const back = await stored('The return', killedAt, ({ state }) => state === 'connected');
    const events = await history.since(accountId, killedAt);
    const fall = events.find(isFall);
    expect(fall).toMatchObject({ reason: 'browser_died', attempt: 1 });
    times.fall.push((fall?.at ?? Number.NaN) - killedAt);
    times.launch.push((browser.startsSince(killedAt)[0] ?? Number.NaN) - killedAt);
    times.back.push(back.at - killedAt);
    times.bare.push(await measureBareStart(profile));
  }
  const [fall, launch, back, bare] = [times.fall, times.launch, times.back, times.bare].map((each) =>
    quantile(each, 0.5),
  ) as [number, number, number, number];
  console.log(
    `a browser that was killed, median of ${KILLS}: its fall stored after ${seconds(fall)}, another launched after ` +
      `${seconds(launch)}, connected after ${seconds(back)}; the library alone starts in ${seconds(bare)} ` +
      `(${(back / bare).toFixed(2)} times)`,
    times,
  );
  // Told before another browser is there, which comes at once: the time is that of a start, whatever the machine does.
  expect(fall).toBeLessThan(bare / 2);
  expect(launch).toBeLessThan(bare);
  expect(back).toBeLessThanOrEqual(Math.max(BACK_MS, 2 * bare));
});

it('tries again after 0, 1, 2, 4, 8 … s, and tells a person after five failures', async () => {
  using client = await RealtimeClient.open(stage.daemon());
  await browser.refuse();
  const killedAt = Date.now();
  process.kill(browserOf(), 'SIGKILL');
  // The alert comes with the fifth failure of a life that was never connected, which is the sixth fall.
  const pausesS = PAUSES_S.reduce((sum, pause) => sum + pause, 0);
  const falls = await untilFound(
    'The falls',
    async () => {
      const found = (await history.since(accountId, killedAt)).filter(isFall);
      return found.length > Math.max(PAUSES_S.length, FAILURES) ? found : undefined;
    },
    { patienceMs: pausesS * 1_000 + PROMISED_MS },
  );
  expect(falls.map(({ attempt, reason }) => `${attempt} ${reason}`).slice(0, 3)).toEqual([
    '1 browser_died',
    '2 launch_failed',
    '3 launch_failed',
  ]);
  const starts = browser.startsSince(killedAt);
  const pausesMs = PAUSES_S.map((_, n) => (starts[n] ?? Number.NaN) - (falls[n]?.at ?? Number.NaN));
  console.log(`pauses before the attempts: ${pausesMs.map(seconds).join(', ')}`);
  // What storing a fall and launching a browser take on this machine, together: the first attempt has no pause.
  const slackMs = (starts[0] ?? Number.NaN) - killedAt;
  for (const [n, pauseS] of PAUSES_S.entries()) {
    const promisedMs = pauseS * 1_000;
    expect(pausesMs[n], `attempt ${n + 1}`).toBeGreaterThanOrEqual(promisedMs * (1 - EXACTNESS) - slackMs);
    expect(pausesMs[n], `attempt ${n + 1}`).toBeLessThanOrEqual(promisedMs * (1 + EXACTNESS) + slackMs);
  }

  // The falls of the tests before count too, for an alert of another kind.
  const isFailing = ({ name, payload }: (typeof client.events)[number]) =>
    name === 'account:alert' && payload.kind === 'reconnect_failing';
  const alert = await client.heard(isFailing);
  expect(alert).toMatchObject({
    accountId,
    payload: { kind: 'reconnect_failing', reason: { code: 'launch_failed' } },
  });
  const health = await client.heard(({ name }) => name === 'account:health');
  expect(health).toMatchObject({ accountId, payload: { healthStatus: 'Critical' } });
  expect(await stage.api.call('GET', `/health/${accountId}`)).toMatchObject({ healthStatus: 'Critical' });
  const alerts = (await history.since(accountId, killedAt)).filter(
    ({ kind, reason }) => kind === 'alert' && reason === 'launch_failed',
  );
  expect(alerts).toHaveLength(1);
  expect(alerts[0]?.at).toBeGreaterThanOrEqual(falls[FAILURES]?.at ?? Number.NaN);
  expect(stage.daemon().output()).toMatch(
    /error .*An account needs attention.*alert=reconnect_failing.*reason=launch_failed/,
  );

  browser.allow();
  await client.heard(({ name, payload }) => name === 'account:health' && payload.healthStatus === 'Healthy');
  expect(client.events.filter(isFailing)).toHaveLength(1);
  const told = client.events
    .filter(({ name }) => name === 'account:status')
    .map(({ payload }) => payload.state);
  expect(told.filter((state) => state === 'reconnecting')).toHaveLength(1);
});

it('has counted what its history says', async () => {
  const { url, ownerKey } = stage.daemon();
  const read = async () => {
    const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ownerKey}` } });
    return answer.text();
  };
  const text = await read();
  const all = await history.since(accountId, 0);
  // Since its start: what the daemon before it stored last is that it stopped.
  const startedAfter = all.findLastIndex(({ reason }) => reason === 'daemon_stopped');
  const own = all.slice(startedAfter + 1);
  const count = (values: readonly (string | null)[]) =>
    Object.fromEntries(
      Object.entries(Object.groupBy(values, String)).map(([value, each]) => [value, each?.length]),
    );
  expect(countedSeries(text, 'switchboard_session_state_changes_total')).toEqual(
    count(own.filter(({ kind }) => kind === 'state').map(({ state }) => state)),
  );
  expect(countedSeries(text, 'switchboard_session_reconnects_total')).toEqual(
    count(own.filter(isFall).map(({ reason }) => reason)),
  );
  expect(countedSeries(text, 'switchboard_session_alerts_total')).toMatchObject({ reconnect_failing: 1 });
  expect(countedSeries(text, 'switchboard_sessions')).toEqual({ connected: 1 });
});
