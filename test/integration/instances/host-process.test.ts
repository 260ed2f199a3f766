import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readHostProcess } from '../../../src/instances/host-process.ts';

const SOURCE = fileURLToPath(new URL('../../../src/instances/host-process.ts', import.meta.url));
const PROGRAM = `const { readHostProcess } = await import(${JSON.stringify(SOURCE)});
console.log(readHostProcess().text); process.stdin.resume();`;

it('sees another process while it is there, also one that stands still, and that it is gone', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const text = line.trim();
  const host = readHostProcess();
  expect(host.lookAt(text)).toBe('alive');
  child.kill('SIGSTOP');
  expect(host.lookAt(text)).toBe('alive');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(host.lookAt(text)).toBe('gone');
});

it('takes a number that was given out again for another process, and judges nothing from elsewhere', () => {
  const host = readHostProcess();
  const [boot, namespace, pid = '', start, nonce] = host.text.split('/');
  const parent = String(process.ppid);
  expect(host.lookAt(host.text)).toBe('own');
  expect(host.lookAt(readHostProcess().text)).toBe('elsewhere');
  expect(host.lookAt([boot, namespace, parent, '1', nonce].join('/'))).toBe('gone');
  for (const other of [
    ['another-boot', namespace, parent, '1', nonce],
    [boot, '1', parent, '1', nonce],
    ['unknown', 'unknown', pid, start, nonce],
    [''],
    [boot, namespace, 'x', '1', nonce],
  ]) {
    expect(host.lookAt(other.join('/'))).toBe('elsewhere');
  }
});

it('knows by the data folder that a process is over, for certain only on the machine that keeps its lock', () => {
  const host = readHostProcess('folder');
  const [boot, namespace, pid, start, nonce] = readHostProcess('another').text.split('/');
  const lookAt = (...parts: readonly unknown[]) => host.lookAt(parts.join('/'));
  expect(host.lookAt(readHostProcess('folder').text)).toBe('gone');
  expect(lookAt(boot, '1', pid, '1', nonce, 'folder')).toBe('gone');
  expect(lookAt('another-boot', namespace, pid, start, nonce, 'folder')).toBe('displaced');
  expect(lookAt('another-boot', namespace, pid, start, nonce, 'another')).toBe('elsewhere');
  expect(readHostProcess().lookAt(['another-boot', namespace, pid, start, nonce].join('/'))).toBe(
    'elsewhere',
  );
});
