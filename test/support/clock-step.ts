/**
 * Preloaded into a daemon (`--import=<this file>?folder=<path>`): its wall clock is off by as many milliseconds as the
 * file `clock` in the folder says, from the moment the file is written. What was taken over is written to
 * `clock-<pid>`. The monotonic clock runs on, as it does when a machine's time is set.
 */
import { mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = new URL(import.meta.url).searchParams.get('folder') ?? '';
const RealDate = Date;
let offsetMs = 0;

const now = () => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  apply: (target) => new target(now()).toString(),
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length > 0 ? args : [now()], newTarget),
});

function takeOver(): void {
  const text = readFileSync(join(folder, 'clock'), { encoding: 'utf8', flag: 'a+' });
  // Empty while it is being written, and before the first step.
  if (text === '' || Number(text) === offsetMs) return;
  offsetMs = Number(text);
  writeFileSync(join(folder, `clock-${process.pid}`), text);
}

mkdirSync(folder, { recursive: true });
takeOver();
watch(folder, { persistent: false }, (_event, name) => {
  if (name === 'clock') takeOver();
});
