import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { askHidden } from '../../../src/cli/hidden-answer.ts';

function makeTerminal({ isTTY = true } = {}) {
  const stop = new AbortController();
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = new PassThrough();
  const terminal = {
    input,
    output,
    interrupt: () => stop.abort(new Error('Interrupted')),
    signal: stop.signal,
  };
  return { ...terminal, terminal };
}

async function shownOn(output: PassThrough): Promise<string> {
  output.end();
  return await text(output);
}

it('resolves with the line that is typed, corrected as people do, and shows nothing of it', async () => {
  const { input, output, terminal } = makeTerminal();
  const answer = askHidden('Passphrase: ', terminal);
  input.write('four wirds\x7f\x7f\x7f\x7fords ünd 😀\r');
  expect(await answer).toBe('four words ünd 😀');
  expect(await shownOn(output)).toBe('Passphrase: \n');
});

it('can be asked again', async () => {
  const { input, terminal } = makeTerminal();
  for (const line of ['the first', 'the second']) {
    const answer = askHidden('Passphrase: ', terminal);
    input.write(`${line}\r`);
    expect(await answer).toBe(line);
  }
});

it('ends at Ctrl-C with the reason of the interruption, and at the end of input with a sentence', async () => {
  const interrupted = makeTerminal();
  const first = askHidden('Passphrase: ', interrupted.terminal);
  interrupted.input.write('half\x03');
  await expect(first).rejects.toThrow('Interrupted');
  expect(await shownOn(interrupted.output)).toBe('Passphrase: \n');
  const ended = makeTerminal();
  const second = askHidden('Passphrase: ', ended.terminal);
  ended.input.end();
  await expect(second).rejects.toThrow('Nothing was typed.');
});

it('says how else to give it where there is no terminal', async () => {
  const { terminal } = makeTerminal({ isTTY: false });
  await expect(askHidden('Passphrase: ', terminal)).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
    message: expect.stringContaining('--passphrase-file'),
  });
});
